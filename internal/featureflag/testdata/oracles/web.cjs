// Holds flags as a web page would: with the OpenFeature SDK for the web and its OFREP
// provider, which reads all flags at once and then listens for changes. Its argument is
// {"baseUrl", "token", "context", "asks": [{"key", "default"}]}. It writes the details that
// the SDK gives for each as one line, again after each change, and ends with its input.
const { OpenFeature, ProviderEvents } = require("@openfeature/web-sdk");
const { OFREPWebProvider } = require("@openfeature/ofrep-web-provider");
const { EventSource } = require("eventsource");

const ask = {
  boolean: (client, { key, default: otherwise }) => client.getBooleanDetails(key, otherwise),
  string: (client, { key, default: otherwise }) => client.getStringDetails(key, otherwise),
  number: (client, { key, default: otherwise }) => client.getNumberDetails(key, otherwise),
};

async function main() {
  globalThis.EventSource = EventSource; // a page has one
  const { baseUrl, token, context, asks } = JSON.parse(process.argv[2]);
  const headers = [["Authorization", `Bearer ${token}`]];
  const client = OpenFeature.getClient();
  client.setLogger({ error() {}, warn() {}, info() {}, debug() {} });
  const tell = () => process.stdout.write(JSON.stringify(asks.map((one) => ask[typeof one.default](client, one))) + "\n");
  await OpenFeature.setContext(context);
  await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl, headers, cacheMode: "disabled" }));
  client.addHandler(ProviderEvents.ConfigurationChanged, tell);
  tell();
  process.stdin.on("end", () => process.exit(0)).resume();
}

main();
