// Judges request bodies, one JSON text per line of the file, by the types of the provider's SDK.
// Usage: node judge_requests.mjs FILE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const thirdParty = join(dirname(fileURLToPath(import.meta.url)), "../../third_party/");
const require = createRequire(thirdParty);
const { createGenerator } = await import(require.resolve("ts-json-schema-generator"));
const Ajv = require("ajv");

const schema = createGenerator({
  path: join(thirdParty, "node_modules/@anthropic-ai/sdk/resources/messages/messages.d.ts"),
  type: "MessageCreateParamsStreaming",
  skipTypeCheck: true,
  additionalProperties: false,
}).createSchema("MessageCreateParamsStreaming");
const check = new Ajv({ strict: false, allErrors: false }).compile(schema);

const bodies = readFileSync(process.argv[2], "utf8").trim().split("\n");
let refused = 0;
for (const text of bodies) {
  if (check(JSON.parse(text))) continue;
  refused += 1;
  console.error("refused:", text, JSON.stringify(check.errors, null, 1).slice(0, 2000));
}
// A judge that lets anything pass is none.
const broken = { ...JSON.parse(bodies[0]), max_tokens: "many" };
const unknown = { ...JSON.parse(bodies[0]), max_token: 1 };
if (check(broken) || check(unknown)) {
  console.error("the judge accepts a request that is wrong");
  refused += 1;
}
console.log(`${bodies.length} requests judged, ${refused} refused`);
process.exit(refused === 0 && bodies.length > 0 ? 0 : 1);
