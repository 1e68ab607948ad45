// AWS's device SDK v2 for JavaScript (its MQTT is the C library of all SDKs v2), and npm's mqtt over TLS: each subscribes,
// publishes to itself, prints what arrives and leaves. Arguments: how, port, CA file; for a client certificate its file and
// that of its key. The access key is in AWS_*.
const fs = require('node:fs');
const [how, port, ca, cert, key] = process.argv.slice(2);
const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_REGION: region } = process.env;
const topic = 'node/' + how;
const text = (payload) => Buffer.from(payload).toString();

function fail(err) { console.error(err); process.exit(1); }

async function sdk5() {
  const { iot, mqtt5, auth } = require('aws-iot-device-sdk-v2');
  const builder = how === 'sdk5-mtls'
    ? iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath('localhost', cert, key)
    : iot.AwsIotMqtt5ClientConfigBuilder.newWebsocketMqttBuilderWithSigv4Auth('localhost',
      { region, credentialsProvider: auth.AwsCredentialsProvider.newStatic(id, secret) });
  builder.withCertificateAuthorityFromPath(undefined, ca).withPort(Number(port)).withConnectProperties({ clientId: how, keepAliveIntervalSeconds: 60 });
  const client = new mqtt5.Mqtt5Client(builder.build());
  client.on('error', fail);
  client.on('connectionFailure', (event) => fail(event.error));
  const connected = new Promise((resolve) => client.on('connectionSuccess', resolve));
  const received = new Promise((resolve) => client.on('messageReceived', (event) => resolve(event.message)));
  const stopped = new Promise((resolve) => client.on('stopped', resolve));
  client.start();
  await connected;
  await client.subscribe({ subscriptions: [{ topicFilter: topic, qos: mqtt5.QoS.AtLeastOnce }] });
  await client.publish({ topicName: topic, qos: mqtt5.QoS.AtLeastOnce, payload: 'hello', contentType: 'text/plain' });
  const message = await received;
  console.log(`${message.topicName} ${text(message.payload)} ${message.contentType}`);
  client.stop();
  await stopped;
}

async function sdk3() {
  const { iot, mqtt, auth } = require('aws-iot-device-sdk-v2');
  const builder = how === 'sdk3-mtls'
    ? iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder_from_path(cert, key)
    : iot.AwsIotMqttConnectionConfigBuilder.new_with_websockets(
      { region, credentials_provider: auth.AwsCredentialsProvider.newStatic(id, secret) });
  builder.with_certificate_authority_from_path(undefined, ca).with_endpoint('localhost').with_port(Number(port))
    .with_client_id(how).with_clean_session(true);
  const connection = new mqtt.MqttClient().new_connection(builder.build());
  connection.on('error', fail);
  await connection.connect();
  const received = new Promise((resolve) => {
    connection.subscribe(topic, mqtt.QoS.AtLeastOnce, (name, payload) => resolve(`${name} ${text(payload)}`)).catch(fail)
      .then(() => connection.publish(topic, 'hello', mqtt.QoS.AtLeastOnce)).catch(fail);
  });
  console.log(await received);
  await connection.disconnect();
}

function npm() {
  const client = require('mqtt').connect(`mqtts://localhost:${port}`, {
    clientId: how, protocolVersion: how === 'npm5' ? 5 : 4, reconnectPeriod: 0,
    ca: fs.readFileSync(ca), cert: fs.readFileSync(cert), key: fs.readFileSync(key),
  });
  client.on('error', fail);
  client.on('connect', () => client.subscribe(topic, { qos: 1 }, (err) => {
    if (err) fail(err);
    client.publish(topic, 'hello', { qos: 1 });
  }));
  client.on('message', (name, payload) => { console.log(`${name} ${payload}`); client.end(); });
}

Promise.resolve({ 'sdk5-mtls': sdk5, 'sdk5-sigv4': sdk5, 'sdk3-mtls': sdk3, 'sdk3-sigv4': sdk3, npm3: npm, npm5: npm }[how]())
  .then(() => { if (how.startsWith('sdk')) process.exit(0); }, fail);
