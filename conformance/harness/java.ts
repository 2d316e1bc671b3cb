/** Upstream's Java programs as contenders, found by `JITSI_UPSTREAM` or as Debian packages. */
import { existsSync } from "node:fs";
import { answers, Program } from "../../shared/demo/program.ts";

export interface JavaOptions {
  readonly logFile: string;
  readonly config: string;
  readonly httpPort: number;
  /** Flags of the virtual machine. */
  readonly flags?: readonly string[];
  /** Command and arguments before `java`, such as `taskset -c 0`. */
  readonly under?: readonly string[];
}

/** Where Debian's packages of upstream lie, each as `NAME.jar` and `lib/`. */
const INSTALLED = "/usr/share";

/** The folder with upstream's programs, or the reason why there is none. */
export function upstreamFolder(): { readonly path: string } | { readonly reason: string } {
  const path = process.env["JITSI_UPSTREAM"];
  if (path !== undefined) return { path };
  return ["jicofo", "jitsi-videobridge"].every((name) => existsSync(`${INSTALLED}/${name}/lib`))
    ? { path: INSTALLED }
    : { reason: "JITSI_UPSTREAM is not set, and no package is installed" };
}

/** The class path of an installed package. */
const packaged = (upstream: string, name: string): string[] => [
  `${upstream}/${name}/*`,
  `${upstream}/${name}/lib/*`,
];

function java(
  name: string,
  options: JavaOptions,
  upstream: string,
  classes: readonly string[],
  main: string,
): Program {
  const [command = "java", ...more] = [...(options.under ?? []), "java"];
  return new Program({
    name,
    command,
    args: [
      ...more,
      ...(options.flags ?? []),
      `-Dconfig.file=${options.config}`,
      ...(existsSync(`${upstream}/log.properties`)
        ? [`-Djava.util.logging.config.file=${upstream}/log.properties`]
        : []),
      "-cp",
      classes.join(":"),
      main,
    ],
    logFile: options.logFile,
    ready: () => answers(`http://127.0.0.1:${options.httpPort}/about/version`),
    readyWithinMs: 60_000,
  });
}

export function javaFocus(upstream: string, options: JavaOptions): Program {
  const jars = ["jicofo", "jicofo-selector", "jicofo-common"].map(
    (jar) => `${upstream}/jicofo/${jar}-1.1-SNAPSHOT.jar`,
  );
  return java(
    "jicofo (Java)",
    options,
    upstream,
    existsSync(`${upstream}/jicofo/all.jar`)
      ? [...jars, `${upstream}/jicofo/all.jar`]
      : packaged(upstream, "jicofo"),
    "org.jitsi.jicofo.Main",
  );
}

export function javaBridge(upstream: string, options: JavaOptions): Program {
  const jars = existsSync(`${upstream}/jvb`)
    ? [`${upstream}/jvb/jitsi-videobridge.jar`, `${upstream}/jvb/lib/*`]
    : packaged(upstream, "jitsi-videobridge");
  return java("jvb (Java)", options, upstream, jars, "org.jitsi.videobridge.MainKt");
}
