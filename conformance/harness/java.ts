/** Upstream's Java programs as contenders, found by `JITSI_UPSTREAM`. */
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

/** The folder with `jicofo/` and `jvb/`, or the reason why there is none. */
export function upstreamFolder(): { readonly path: string } | { readonly reason: string } {
  const path = process.env["JITSI_UPSTREAM"];
  return path === undefined ? { reason: "JITSI_UPSTREAM is not set" } : { path };
}

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
      `-Djava.util.logging.config.file=${upstream}/log.properties`,
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
    [...jars, `${upstream}/jicofo/all.jar`],
    "org.jitsi.jicofo.Main",
  );
}

export function javaBridge(upstream: string, options: JavaOptions): Program {
  const jars = [`${upstream}/jvb/jitsi-videobridge.jar`, `${upstream}/jvb/lib/*`];
  return java("jvb (Java)", options, upstream, jars, "org.jitsi.videobridge.MainKt");
}
