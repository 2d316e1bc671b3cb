/** Calls on every mix of our programs and upstream's, with upstream's configuration files unchanged. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { logReport } from "./calls.ts";
import { logFaults } from "./log-faults.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const upstream = process.env["JITSI_UPSTREAM"];

/** Why the mixed stacks cannot run here, if so. */
function reason(): string | undefined {
  if (upstream === undefined) return "JITSI_UPSTREAM is not set";
  if (process.getuid?.() !== 0) return "the network namespace needs root";
  const java = (process.env["PATH"] ?? "")
    .split(":")
    .some((folder) => existsSync(join(folder, "java")));
  return java ? undefined : "no java in PATH";
}

/** Passwords of a configuration, as they stand there and as SASL sends them (PLAIN, RFC 4616). */
function secretsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const [user, password] = ["username", "password"].map(
    (key) => new RegExp(`\\b${key} *= *"([^"]+)"`).exec(text)?.[1],
  );
  if (user === undefined || password === undefined) throw new Error(`no password in ${file}`);
  return [password, Buffer.from(`\0${user}\0${password}`).toString("base64")];
}

const mixes = [
  { name: "our focus, our bridges", parts: ["our-jicofo", "our-jvb1", "our-jvb2"] },
  { name: "our focus, Java bridges", parts: ["our-jicofo", "jvb1", "jvb2"] },
  { name: "the Java focus, our bridges", parts: ["jicofo", "our-jvb1", "our-jvb2"] },
];

describe("mixed stacks over the newest client", () => {
  const why = reason();
  if (why !== undefined || upstream === undefined) {
    before(() => console.log(`      skipped: ${why}`));
    it.skip(`three pages on each mix (${why})`);
    return;
  }
  const rig = join(upstream, "rig");
  const secrets = ["jicofo.conf", "jvb.conf"].flatMap((name) => secretsOf(join(upstream, name)));
  const env = { ...process.env, RIG_NS: `jitsi-ts-${process.pid}`, PROJECT: root };

  const log = async (part: string) => {
    const name = part.replace(/^our-/, "");
    return (await run(rig, ["logs", name], { env, maxBuffer: 2 ** 28 })).stdout;
  };
  /** The ends of the logs of a mix. */
  const logs = (parts: readonly string[]) =>
    Promise.all(
      ["prosody", ...parts].map(async (part) => logReport(part, "its log", await log(part))),
    );

  for (const { name, parts } of mixes) {
    describe(name, () => {
      before(() => run(rig, ["up", "prosody", ...parts], { env }));
      after(() => run(rig, ["down"], { env }));

      it("three pages: join, leave and return, mute, shared screen, bridges restarted and killed", async () => {
        const script = fileURLToPath(new URL("rig-call.ts", import.meta.url));
        const flags = ["--conditions=source", "--disable-warning=ExperimentalWarning"];
        try {
          const call = ["in", process.execPath, ...flags, script, ...parts];
          const { stdout } = await run(rig, call, { env, timeout: 280_000 });
          console.log(stdout.trim().replaceAll(/^ */gm, "      "));
          for (const part of parts.filter((one) => one.startsWith("our-"))) {
            const faults = logFaults(await log(part), secrets);
            if (faults.length > 0) throw new Error([`faults of ${part}:`, ...faults].join("\n  "));
          }
        } catch (error) {
          const { stdout, stderr } = error as { stdout?: string; stderr?: string };
          const said = `${stdout ?? ""}${stderr ?? ""}`.trim() || String(error);
          throw new Error([said, ...(await logs(parts))].join("\n"));
        }
      });
    });
  }
});
