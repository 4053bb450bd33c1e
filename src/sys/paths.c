#include <dirent.h>
#include <stddef.h>
#include <sys/stat.h>

#include "paths.h"

bool path_is_file(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool path_is_directory(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool path_has_entry(const char *directory, bool (*wanted)(const char *name)) {
  DIR *dir = opendir(directory);
  if (dir == NULL) return false;
  bool found = false;
  struct dirent *entry;
  while (!found && (entry = readdir(dir)) != NULL)
    found = wanted(entry->d_name);
  closedir(dir);
  return found;
}
