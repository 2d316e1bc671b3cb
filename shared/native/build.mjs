// Builds dist/native/process.node: node shared/native/build.mjs [--force]
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAddon } from "../tooling/addon.mjs";

buildAddon({
  name: "process",
  folder: dirname(fileURLToPath(import.meta.url)),
  force: process.argv.includes("--force"),
});
