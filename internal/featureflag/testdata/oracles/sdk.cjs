// Asks for flags as a service would: with the OpenFeature SDK and its OFREP provider, nothing
// of ours in between. Reads {"baseUrl", "token", "asks": [{"key", "default", "context"}]}, and
// writes the details that the SDK gives for each.
const { OpenFeature } = require("@openfeature/server-sdk");
const { OFREPProvider } = require("@openfeature/ofrep-provider");
const { text } = require("node:stream/consumers");

const ask = {
  boolean: (client, { key, default: otherwise, context }) => client.getBooleanDetails(key, otherwise, context),
  string: (client, { key, default: otherwise, context }) => client.getStringDetails(key, otherwise, context),
  number: (client, { key, default: otherwise, context }) => client.getNumberDetails(key, otherwise, context),
  object: (client, { key, default: otherwise, context }) => client.getObjectDetails(key, otherwise, context),
};

async function main() {
  const { baseUrl, token, asks } = JSON.parse(await text(process.stdin));
  const headers = [["Authorization", `Bearer ${token}`]];
  await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers }));
  const client = OpenFeature.getClient();
  client.setLogger({ error() {}, warn() {}, info() {}, debug() {} });
  const details = [];
  for (const one of asks) details.push(await ask[typeof one.default](client, one));
  process.stdout.write(JSON.stringify(details));
}

main();
