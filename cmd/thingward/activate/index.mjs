// Activates a device certificate that registered itself (just-in-time registration): gives it the policy of
// demo devices and sets it ACTIVE. It needs no modules: the three calls are signed with node:crypto.
//
// The event is what AWS IoT publishes on $aws/events/certificates/registered/<caCertificateId>.
import { createHash, createHmac } from 'node:crypto';

const region = process.env.AWS_REGION;
const policyName = 'demo-device';

// Devices connect under any client id and talk below devices/<client id>/.
const policy = (account) => {
  const arn = (resource) => `arn:aws:iot:${region}:${account}:${resource}`;
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'iot:Connect', Resource: arn('client/${iot:ClientId}') },
      { Effect: 'Allow', Action: ['iot:Publish', 'iot:Receive'], Resource: arn('topic/devices/${iot:ClientId}/*') },
      { Effect: 'Allow', Action: 'iot:Subscribe', Resource: arn('topicfilter/devices/${iot:ClientId}/*') },
    ],
  };
};

export const handler = async (event) => {
  const { awsAccountId: account, certificateId } = event;
  await call('POST', `/policies/${policyName}`, '', { policyDocument: JSON.stringify(policy(account)) }, ['ResourceAlreadyExistsException']);
  await call('PUT', `/target-policies/${policyName}`, '', { target: `arn:aws:iot:${region}:${account}:cert/${certificateId}` });
  await call('PUT', `/certificates/${certificateId}`, 'newStatus=ACTIVE');
  return { certificateId, status: 'ACTIVE', policyName };
};

async function call(method, path, query, body, ignore = []) {
  const url = new URL(process.env.AWS_ENDPOINT_URL);
  const payload = body ? JSON.stringify(body) : '';
  const headers = sign(method, url.host, path, query, payload);
  const answer = await fetch(url.origin + path + (query && '?' + query), { method, headers, body: payload || undefined });
  if (answer.ok) return;
  const name = answer.headers.get('x-amzn-errortype');
  if (!ignore.includes(name)) throw new Error(`${method} ${path}: ${name}: ${await answer.text()}`);
}

// sign returns the headers of AWS Signature Version 4.
function sign(method, host, path, query, payload) {
  const hash = (text) => createHash('sha256').update(text).digest('hex');
  const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${date.slice(0, 8)}/${region}/iot/aws4_request`;
  const canonical = [method, path, query, `host:${host}`, `x-amz-date:${date}`, '', 'host;x-amz-date', hash(payload)].join('\n');
  const key = scope.split('/').reduce(hmac, 'AWS4' + process.env.AWS_SECRET_ACCESS_KEY);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope, hash(canonical)].join('\n')).toString('hex');
  return {
    'content-type': 'application/json',
    'x-amz-date': date,
    authorization: `AWS4-HMAC-SHA256 Credential=${process.env.AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
  };
}
