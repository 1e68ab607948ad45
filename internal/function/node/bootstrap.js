'use strict';
// Runs a function for Node.js: asks the Lambda Runtime API for an invocation, calls the handler, posts what it
// returns, and again. Handlers may be of all three forms that Lambda has had:
//
//   exports.handler = async (event, context) => result
//   exports.handler = (event, context, callback) => callback(error, result)
//   exports.handler = (event, context) => context.succeed(result)    // or fail, or done
//
// A handler that is not async is over when the event loop is empty: then the result goes out that callback was
// called with, or null when it never was. context.callbackWaitsForEmptyEventLoop = false sends it at once.
// (https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html)

const fs = require('fs');
const http = require('http');
const Module = require('module');
const path = require('path');
const { pathToFileURL } = require('url');

const env = process.env;
const [authority, ...secret] = env.AWS_LAMBDA_RUNTIME_API.split('/');
const [host, port] = authority.split(':');
const base = '/' + secret.concat('2018-06-01/runtime').join('/');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** One call of the Runtime API; answers {headers, body}. */
function call(method, where, body, headers) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, agent, method, path: base + where, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

// ---- the SDKs find our endpoint

// Version 3 reads AWS_ENDPOINT_URL itself. Version 2 does not know it, so its configuration gets it as soon as the
// function loads the SDK; an endpoint that the function sets itself comes later and wins.
function pointSDKAtEndpoint() {
  const load = Module._load;
  const seen = new WeakSet();
  Module._load = function (request, parent, ...rest) {
    const loaded = load.call(this, request, parent, ...rest);
    if (env.AWS_ENDPOINT_URL && /^aws-sdk(\/|$)/.test(request)) {
      const AWS = loaded && loaded.config ? loaded : load.call(this, 'aws-sdk/global', parent, ...rest);
      if (AWS.config && !seen.has(AWS.config)) {
        seen.add(AWS.config);
        AWS.config.update({ endpoint: env.AWS_ENDPOINT_URL });
      }
    }
    return loaded;
  };
}

// ---- the handler

/** An error whose name tells which step failed, as Lambda's own runtime names them. */
function runtimeError(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
}

/** Loads the module and returns the function that "file.export" names; the export may be nested. */
async function loadHandler() {
  const name = path.basename(env._HANDLER);
  const dot = name.indexOf('.');
  const module = path.join(path.dirname(env._HANDLER), name.slice(0, dot));
  const exported = await loadModule(path.resolve(env.LAMBDA_TASK_ROOT, module), module);
  let owner = exported;
  let handler = exported;
  for (const key of name.slice(dot + 1).split('.')) {
    owner = handler;
    handler = handler && handler[key];
  }
  if (handler === undefined) {
    throw runtimeError('Runtime.HandlerNotFound', `${env._HANDLER} is undefined or not exported`);
  }
  if (typeof handler !== 'function') {
    throw runtimeError('Runtime.HandlerNotFound', `${env._HANDLER} is not a function`);
  }
  return handler.bind(owner);
}

async function loadModule(file, name) {
  try {
    for (const suffix of ['', '.js', '.mjs', '.cjs']) {
      if (!fs.statSync(file + suffix, { throwIfNoEntry: false })?.isFile()) continue;
      if (suffix === '.mjs' || (suffix === '.js' && isESModule(file))) return await import(pathToFileURL(file + suffix));
      return require(file + suffix);
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw runtimeError('Runtime.UserCodeSyntaxError', String(error.stack));
    throw error;
  }
  throw runtimeError('Runtime.ImportModuleError', `Error: Cannot find module '${name}'`);
}

/** Whether the nearest package.json makes .js files ES modules. */
function isESModule(file) {
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    const manifest = path.join(dir, 'package.json');
    if (fs.existsSync(manifest)) return JSON.parse(fs.readFileSync(manifest)).type === 'module';
    if (dir === env.LAMBDA_TASK_ROOT || dir === path.dirname(dir)) return false;
  }
}

// ---- invocations

/** What the function is told about its invocation. finish(error, result) ends it. */
function makeContext(headers, finish) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const clientContext = headers['lambda-runtime-client-context'];
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: clientContext ? JSON.parse(clientContext) : undefined,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    // These three never wait for the event loop.
    succeed: (result) => finish(null, result, true),
    fail: (error) => finish(error || 'handled', undefined, true),
    done: (error, result) => finish(error, result, true),
  };
}

/** The error form of the Runtime API. */
function describe(error) {
  if (error instanceof Error || (error && error.stack)) {
    return { errorType: error.name || 'Error', errorMessage: error.message, trace: String(error.stack).split('\n') };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function postError(where, error) {
  const description = describe(error);
  return call('POST', where, JSON.stringify(description), {
    'Content-Type': 'application/json',
    'Lambda-Runtime-Function-Error-Type': String(description.errorType).replace(/[^\x20-\x7e]/g, '?'),
  });
}

let whenEmpty = null; // called once when the event loop is empty
process.on('beforeExit', () => {
  const then = whenEmpty;
  whenEmpty = null;
  if (then) then();
});

let running = null; // request id of the invocation that an uncaught error belongs to
let dying = false;

/** Calls the handler and answers {error} or {result} when the invocation is over. */
function run(handler, event, headers) {
  return new Promise((resolve) => {
    let outcome = null;
    const finish = (error, result, now) => {
      if (outcome) return; // only the first counts
      outcome = error ? { error } : { result };
      if (now) {
        whenEmpty = null;
        resolve(outcome);
      }
    };
    const context = makeContext(headers, finish);
    whenEmpty = () => resolve(outcome || { result: null });
    const callback = (error, result) => finish(error, result, !context.callbackWaitsForEmptyEventLoop);
    try {
      const returned = handler(event, context, callback);
      if (returned && typeof returned.then === 'function') {
        whenEmpty = () => resolve(outcome || { error: runtimeError('Runtime.NodeJsExit', 'the promise that the handler returned was never settled') });
        returned.then((result) => finish(null, result, true), (error) => finish(error || 'rejected', undefined, true));
      }
    } catch (error) {
      finish(error || 'thrown', undefined, true);
    }
  });
}

async function respond(id, { error, result }) {
  let body;
  if (!error) {
    try {
      body = JSON.stringify(result === undefined ? null : result) ?? 'null';
    } catch (e) {
      error = runtimeError('Runtime.MarshalError', `the result cannot be written as JSON: ${e.message}`);
    }
  }
  if (error) {
    console.error(error);
    await postError(`/invocation/${id}/error`, error);
  } else {
    await call('POST', `/invocation/${id}/response`, body, { 'Content-Type': 'application/json' });
  }
}

/** An error that nobody caught ends the invocation and, as nothing of it can be trusted any more, the process. */
async function die(error, name) {
  if (dying) return;
  dying = true;
  if (name) error = runtimeError(name, error instanceof Error ? error.stack : String(error));
  console.error(error);
  try {
    await postError(running ? `/invocation/${running}/error` : '/init/error', error);
  } finally {
    process.exit(1);
  }
}

async function main() {
  process.on('uncaughtException', (error) => die(error));
  process.on('unhandledRejection', (reason) => die(reason, 'Runtime.UnhandledPromiseRejection'));
  pointSDKAtEndpoint();
  const handler = await loadHandler();
  while (!dying) {
    const { headers, body } = await call('GET', '/invocation/next');
    const id = headers['lambda-runtime-aws-request-id'];
    env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
    running = id;
    const outcome = await run(handler, JSON.parse(body), headers);
    if (!dying) await respond(id, outcome);
  }
}

main().catch((error) => die(error));
