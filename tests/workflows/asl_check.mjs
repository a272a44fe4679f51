// `node asl_check.mjs VALIDATOR < {name: definition}` prints {name: [what is wrong]}.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const validate = createRequire(process.argv[2] + "/")("asl-validator");
const machines = JSON.parse(readFileSync(0, "utf8"));
const found = {};
for (const [name, definition] of Object.entries(machines)) {
  const { isValid, errors } = validate(definition, { checkPaths: true, checkArn: true });
  found[name] = isValid ? [] : errors.map((error) => JSON.stringify(error));
}
process.stdout.write(JSON.stringify(found));
