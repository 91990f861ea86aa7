// Evaluates flags with flagd's evaluator for Node, in the mode in which it compiles rules.
// Its argument is what evaluating.go calls a question; it writes the processor's
// nanoseconds of one evaluation for each rule.
const { FlagdCore } = require("@openfeature/flagd-core");

const { rules, context, evaluations, rounds } = JSON.parse(process.argv[1]);
const silent = { error() {}, warn() {}, info() {}, debug() {} };

const medians = rules.map(({ definition }) => {
  const core = new FlagdCore(undefined, silent);
  core.setConfigurations(JSON.stringify(definition));
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const began = process.cpuUsage();
    for (let i = 0; i < evaluations; i++) {
      if (core.resolveBooleanEvaluation("f", false, context).variant === undefined) throw new Error("no variant");
    }
    const used = process.cpuUsage(began);
    times.push(((used.user + used.system) * 1000) / evaluations);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
});
process.stdout.write(JSON.stringify(medians));
