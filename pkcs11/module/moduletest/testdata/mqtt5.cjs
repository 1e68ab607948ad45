// MQTT 5 over mutual TLS with aws-crt: node mqtt5.cjs MODULE TOKEN PIN LABEL CERTIFICATE ROOT PORT
const { io, mqtt5 } = require('aws-crt');
const [module_, token, pin, label, certificate, root, port] = process.argv.slice(2);

const tls = io.TlsContextOptions.create_client_with_mtls_pkcs11({
  pkcs11_lib: new io.Pkcs11Lib(module_),
  user_pin: pin || null,
  token_label: token,
  private_key_object_label: label,
  cert_file_path: certificate,
});
tls.override_default_trust_store_from_path(undefined, root);

const client = new mqtt5.Mqtt5Client({
  hostName: 'localhost',
  port: Number(port),
  connectProperties: { clientId: 'crt-' + label, keepAliveIntervalSeconds: 60 },
  tlsCtx: new io.ClientTlsContext(tls),
});
const topic = 'crt/' + label;

client.on('connectionFailure', (e) => {
  console.error('connection failed:', e.error.toString());
  process.exit(1);
});
client.on('messageReceived', (e) => {
  console.log(e.message.topicName, Buffer.from(e.message.payload).toString());
  client.stop();
});
client.on('stopped', () => process.exit(0));
client.on('connectionSuccess', async () => {
  await client.subscribe({ subscriptions: [{ topicFilter: topic, qos: mqtt5.QoS.AtLeastOnce }] });
  await client.publish({ topicName: topic, qos: mqtt5.QoS.AtLeastOnce, payload: 'hello' });
});
client.start();
