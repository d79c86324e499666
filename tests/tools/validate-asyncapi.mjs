// Reads an AsyncAPI document from standard input and says what the AsyncAPI project's own parser
// finds wrong with it, one line each. Status 0: nothing; 1: something.

import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
// Severities: 0 error, 1 warning; 2 and 3 are advice on style.
const found = diagnostics.filter(({ severity }) => severity <= 1);
for (const { code, path, message } of found) {
  console.log(`${path.join("/")}: ${message} (${code})`);
}
if (document === undefined && found.length === 0) {
  console.log("the parser made nothing of the document and does not say why");
}
process.exit(document === undefined || found.length > 0 ? 1 : 0);
