// Evaluates flags with flagd's own evaluator for JavaScript. Reads one case a line,
// {"now", "definition", "contexts"}, and writes one answer a line: for each flag and
// context [reason, error, variant, value, metadata]. It interprets rules, as on runtimes that
// generate no code: compiled ones lose the left side of a comparison of two variables.
const { FlagdCore } = require("@openfeature/flagd-core");
const { createInterface } = require("node:readline");

const silent = { error() {}, warn() {}, info() {}, debug() {} };
const ask = {
  boolean: (core, key, context) => core.resolveBooleanEvaluation(key, true, context),
  string: (core, key, context) => core.resolveStringEvaluation(key, "", context),
  number: (core, key, context) => core.resolveNumberEvaluation(key, 0, context),
  object: (core, key, context) => core.resolveObjectEvaluation(key, {}, context),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { now, definition, contexts } = JSON.parse(line);
  Date.now = () => now * 1000;
  const core = new FlagdCore(undefined, silent, { disableDynamicCodeGeneration: true });
  core.setConfigurations(JSON.stringify(definition));
  const answers = {};
  for (const [key, flag] of Object.entries(definition.flags)) {
    const type = typeof Object.values(flag.variants)[0];
    answers[key] = contexts.map((context) => {
      const got = ask[type](core, key, context);
      const value = got.variant === undefined ? null : got.value;
      return [got.reason, got.errorCode ?? "", got.variant ?? "", value, got.flagMetadata ?? {}];
    });
  }
  process.stdout.write(JSON.stringify(answers) + "\n");
});
