package moduletest

import (
	"fmt"
	"os"
	"testing"
)

// TestJava: SunPKCS11, by keytool, by signatures, and in TLS to our own server.
func TestJava(t *testing.T) { onBoth(t, java) }

func java(t *testing.T, k *token) {
	c := newCloud(k)
	conf := k.path("java.cfg")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "name = Thingward\nlibrary = %s\nslot = 0\n", library()), 0o600); err != nil {
		t.Fatal(err)
	}
	keytool := func(args ...string) run {
		return k.run(append([]string{"keytool", "-J-Xshare:auto", "-J-XX:TieredStopAtLevel=1", "-providerClass", "sun.security.pkcs11.SunPKCS11", "-providerArg", conf,
			"-keystore", "NONE", "-storetype", "PKCS11", "-storepass", userPIN}, args...)...)
	}
	requests := func(alias, subject string) {
		t.Helper()
		keytool("-certreq", "-alias", alias, "-file", k.path("csr")).output()
		has(t, k.run("openssl", "req", "-in", k.path("csr"), "-noout", "-verify", "-subject", "-inform", "PEM").output(), "verify OK", subject)
	}
	for _, p := range pairs(k) {
		has(t, keytool("-list").output(), p.label+", PrivateKeyEntry")
		requests(p.label, p.cert.Subject.CommonName)
	}
	generate := keytool("-genkeypair", "-alias", "java", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", "CN=java")
	if k.pin != "" {
		generate.output()
		requests("java", "java")
		keytool("-delete", "-alias", "java").output()
	} else { // it wants to put a certificate of the new key into the token, for which a chip has no room
		has(t, generate.fails(), "CKR_DEVICE_MEMORY")
	}

	if err := os.WriteFile(k.path("Token.java"), []byte(javaProgram), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"java", "-XX:TieredStopAtLevel=1", k.path("Token.java"), conf, k.pin, c.port, c.root}
	var want []string
	for _, p := range pairs(k) {
		args = append(args, p.label)
		want = append(want, p.label+" SHA256 verified", p.label+" SHA512 verified", p.label+" TLSv1.2 well", p.label+" TLSv1.3 well")
	}
	has(t, k.run(args...).output(), want...)
}

const javaProgram = `
import java.io.FileInputStream;
import java.security.*;
import java.security.cert.*;
import java.net.Socket;
import java.util.Arrays;
import javax.net.ssl.*;

public class Token {
  public static void main(String[] a) throws Exception {
    Provider p = Security.getProvider("SunPKCS11").configure(a[0]);
    Security.addProvider(p);
    KeyStore store = KeyStore.getInstance("PKCS11", p);
    store.load(null, a[1].isEmpty() ? null : a[1].toCharArray());
    String[] aliases = Arrays.copyOfRange(a, 4, a.length);
    for (String alias : aliases)
      for (String hash : new String[] {"SHA256", "SHA384", "SHA512"}) sign(p, store, alias, hash);

    KeyStore roots = KeyStore.getInstance("PKCS12");
    roots.load(null, null);
    try (FileInputStream in = new FileInputStream(a[3])) {
      for (var c : CertificateFactory.getInstance("X.509").generateCertificates(in)) roots.setCertificateEntry("root" + c.hashCode(), c);
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(roots);
    for (String alias : aliases)
      for (String version : new String[] {"TLSv1.2", "TLSv1.3"}) connect(store, alias, version, trust, Integer.parseInt(a[2]));
  }

  static void sign(Provider p, KeyStore store, String alias, String hash) throws Exception {
    PrivateKey key = (PrivateKey) store.getKey(alias, null);
    String algorithm = hash + "with" + (key.getAlgorithm().equals("EC") ? "ECDSA" : "RSA");
    Signature s = Signature.getInstance(algorithm, p);
    s.initSign(key);
    s.update("to be signed".getBytes());
    byte[] signature = s.sign();
    Signature v = Signature.getInstance(algorithm);
    PublicKey inToken = store.getCertificate(alias).getPublicKey();
    v.initVerify(KeyFactory.getInstance(inToken.getAlgorithm()).generatePublic(new java.security.spec.X509EncodedKeySpec(inToken.getEncoded())));
    v.update("to be signed".getBytes());
    if (!v.verify(signature)) throw new Exception(alias + " " + algorithm + " is wrong");
    System.out.println(alias + " " + hash + " verified");
  }

  static void connect(KeyStore store, String alias, String version, TrustManagerFactory trust, int port) throws Exception {
    KeyManagerFactory keys = KeyManagerFactory.getInstance("NewSunX509");
    keys.init(new KeyStoreBuilderParameters(KeyStore.Builder.newInstance(store, new KeyStore.PasswordProtection(null))));
    X509ExtendedKeyManager all = (X509ExtendedKeyManager) keys.getKeyManagers()[0];
    KeyManager one = new X509ExtendedKeyManager() {
      public String chooseClientAlias(String[] types, Principal[] issuers, Socket s) { return alias; }
      public String chooseServerAlias(String type, Principal[] issuers, Socket s) { return null; }
      public String[] getClientAliases(String type, Principal[] issuers) { return new String[] {alias}; }
      public String[] getServerAliases(String type, Principal[] issuers) { return null; }
      public java.security.cert.X509Certificate[] getCertificateChain(String x) {
        try { return new java.security.cert.X509Certificate[] {(java.security.cert.X509Certificate) store.getCertificate(x)}; } catch (Exception e) { throw new RuntimeException(e); }
      }
      public PrivateKey getPrivateKey(String x) {
        try { return (PrivateKey) store.getKey(x, null); } catch (Exception e) { throw new RuntimeException(e); }
      }
    };
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(new KeyManager[] {one}, trust.getTrustManagers(), null);
    SSLSocket s = (SSLSocket) context.getSocketFactory().createSocket("localhost", port);
    s.setEnabledProtocols(new String[] {version});
    SSLParameters parameters = s.getSSLParameters();
    parameters.setServerNames(java.util.List.of(new SNIHostName("localhost"))); // Java leaves out a name without a dot
    s.setSSLParameters(parameters);
    s.startHandshake();
    byte[] id = ("java-" + alias).getBytes();
    var out = s.getOutputStream();
    byte[] head = {0x10, (byte) (12 + id.length), 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, (byte) id.length};
    out.write(head);
    out.write(id);
    out.flush();
    byte[] ack = s.getInputStream().readNBytes(4); // CONNACK: what comes back before it would be an alert
    if (ack.length != 4 || ack[0] != 0x20 || ack[3] != 0) throw new Exception("CONNECT refused");
    System.out.println(alias + " " + version + " well");
    s.close();
  }
}
`
