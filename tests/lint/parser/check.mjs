// Reads workflows with the parser of GitHub's own editor support, and prints what it says: `node check.cjs FILE...`.
// It wants a JSON import that node refuses, so esbuild makes one file of it first; see `parser` in noxfile.py.
import { readFileSync } from "node:fs";
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from "@actions/workflow-parser";

async function findings(name) {
  const { context, value } = parseWorkflow({ name, content: readFileSync(name, "utf8") }, new NoOperationTraceWriter());
  const read = context.errors.getErrors().map((error) => error.message);
  if (read.length > 0 || value === undefined) {
    return read.length > 0 ? read : ["holds no workflow"];
  }
  const { errors = [] } = await convertWorkflowTemplate(context, value);
  return errors.map((error) => error.Message);
}

async function main(files) {
  const all = await Promise.all(files.map(async (name) => (await findings(name)).map((text) => `${name}: ${text}`)));
  const lines = all.flat();
  console.log(lines.length > 0 ? lines.join("\n") : `${files.length} workflows, nothing found`);
  process.exitCode = lines.length > 0 ? 1 : 0;
}

main(process.argv.slice(2));
