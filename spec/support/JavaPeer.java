/* A peer that is Java's TLS: JavaPeer client|server CA.pem KEYS.p12 VERSION PORT,
 * three connections in a row that offer ALPN "h2" and show a certificate. A server
 * prints its port (PORT is not used). On each it says, in a line of what goes
 * through the connection, its version, its protocol and the peer's name. */
import java.io.*;
import java.net.*;
import java.security.*;
import java.security.cert.*;
import javax.net.ssl.*;

public class JavaPeer {
  static final char[] PASSWORD = "secret".toCharArray();

  static SSLContext context(String ca, String keys) throws Exception {
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    try (InputStream in = new FileInputStream(ca)) {
      trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509")
          .generateCertificate(in));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(trusted);
    KeyStore own = KeyStore.getInstance("PKCS12");
    try (InputStream in = new FileInputStream(keys)) {
      own.load(in, PASSWORD);
    }
    KeyManagerFactory key = KeyManagerFactory.getInstance("SunX509");
    key.init(own, PASSWORD);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(key.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  static void talk(SSLSocket socket) throws Exception {
    SSLSession session = socket.getSession();
    String said = session.getProtocol() + " " + socket.getApplicationProtocol()
        + " " + session.getPeerPrincipal() + "\n";
    BufferedReader reader = new BufferedReader(
        new InputStreamReader(socket.getInputStream(), "US-ASCII"));
    socket.getOutputStream().write(said.getBytes("US-ASCII"));
    if (!"fine".equals(reader.readLine())) throw new IOException("not fine");
    socket.close();
  }

  static SSLParameters parameters(String version) {
    SSLParameters parameters = new SSLParameters();
    parameters.setProtocols(new String[] {version});
    parameters.setApplicationProtocols(new String[] {"h2"});
    return parameters;
  }

  public static void main(String[] args) throws Exception {
    SSLContext context = context(args[1], args[2]);
    SSLParameters parameters = parameters(args[3]);
    if (args[0].equals("server")) {
      parameters.setNeedClientAuth(true);
      SSLServerSocket listener = (SSLServerSocket) context
          .getServerSocketFactory().createServerSocket(0, 5,
              InetAddress.getByName("127.0.0.1"));
      listener.setSSLParameters(parameters);
      System.out.println(listener.getLocalPort());
      for (int i = 0; i < 3; i++) talk((SSLSocket) listener.accept());
      return;
    }
    int port = Integer.parseInt(args[4]);
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    for (int i = 0; i < 3; i++) {
      SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(
          new Socket("127.0.0.1", port), "localhost", port, true);
      socket.setSSLParameters(parameters);
      talk(socket);
    }
  }
}
