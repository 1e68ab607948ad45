// npm's mqtt over WebSocket with a URL signed as the AWS IoT developer guide shows, without any of our code: it subscribes,
// publishes to itself, prints what arrives and leaves. Arguments: ws:// or wss:// base, MQTT version (4 or 5).
const crypto = require('node:crypto');
const mqtt = require('mqtt');

const [base, version] = process.argv.slice(2);
const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_REGION: region } = process.env;

const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();
const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');

function signed() {
  const host = new URL(base).host;
  const time = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '');
  const date = time.slice(0, 8);
  const scope = `${date}/${region}/iotdevicegateway/aws4_request`;
  const query = 'X-Amz-Algorithm=AWS4-HMAC-SHA256' +
    `&X-Amz-Credential=${encodeURIComponent(id + '/' + scope)}&X-Amz-Date=${time}&X-Amz-SignedHeaders=host`;
  const request = ['GET', '/mqtt', query, `host:${host}\n`, 'host', sha256('')].join('\n');
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(request)].join('\n');
  const key = [date, region, 'iotdevicegateway', 'aws4_request'].reduce(hmac, 'AWS4' + secret);
  return `${base}/mqtt?${query}&X-Amz-Signature=${hmac(key, text).toString('hex')}`;
}

const client = mqtt.connect(signed(), { clientId: 'node-' + version, protocolVersion: Number(version), reconnectPeriod: 0 });
client.on('error', (err) => { console.error(err); process.exit(1); });
client.on('connect', () => client.subscribe('node/+', { qos: 1 }, (err) => {
  if (err) throw err;
  client.publish('node/' + version, 'hello over ' + new URL(base).protocol, { qos: 1 });
}));
client.on('message', (topic, payload) => { console.log(`${topic} ${payload}`); client.end(); });
