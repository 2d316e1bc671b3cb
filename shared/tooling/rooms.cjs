// Who may import whom (style: a room may import whatever stands to its right on its line; what is
// not drawn is forbidden). `#shared/x` and relative paths are both resolved before the rules apply.
const inside = (component, rooms) => rooms.map((room) => `^${component}/src/${room}(/|\\.ts$)`);

/** One forbidden rule for each room: everything in its component that does not stand to its right. */
function line(component, columns) {
  const all = columns.flat();
  return columns.flatMap((column, at) =>
    column.map((room) => {
      const right = new Set([room, ...columns.slice(at + 1).flat()]);
      const banned = all.filter((other) => !right.has(other));
      return {
        name: `${component}-${room}`,
        severity: "error",
        from: { path: inside(component, [room])[0], pathNot: "\\.(test|fuzz|live)\\.ts$" },
        to: { path: inside(component, banned) },
      };
    }),
  );
}

const components = ["jicofo-ts", "jvb-ts", "jibri-ts", "jigasi-ts"];

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    ...components.map((own) => ({
      name: `${own}-alone`,
      severity: "error",
      from: { path: `^${own}/src/` },
      to: { path: components.filter((other) => other !== own).map((other) => `^${other}/`) },
    })),
    {
      name: "shared-imports-no-component",
      severity: "error",
      from: { path: "^shared/src/" },
      to: { path: components.map((c) => `^${c}/`) },
    },
    {
      name: "no-testing-in-production",
      severity: "error",
      from: {
        path: "^(shared|jicofo-ts|jvb-ts|jibri-ts|jigasi-ts)/src/",
        pathNot: ["\\.(test|fuzz|live)\\.ts$", "^shared/src/testing/"],
      },
      to: { path: "^shared/src/testing/" },
    },
    {
      name: "one-door-to-ltx",
      severity: "error",
      from: { pathNot: "^shared/src/xmpp/xml\\.ts$" },
      to: { path: "node_modules/(ltx|@xmpp/xml)/" },
    },
    ...line("jvb-ts", [
      ["main", "index"],
      // One room: the keys, what is read by them, and what of it needs the machine's addresses.
      ["(?:config|bridge-config|muc-client-entries|local-addresses)"],
      ["signaling", "stats"],
      ["worker"],
      ["net", "load"],
      ["worker-messages"],
      ["conference"],
      ["transport", "cc", "export"],
      ["media"],
      ["bandwidth"],
      ["version"],
    ]),
    ...line("jicofo-ts", [
      ["main", "index"],
      ["program"],
      ["config"],
      ["entry", "brewery"],
      ["focus"],
      ["conference"],
      ["source", "jingle", "colibri"],
      ["bridge", "authentication"],
    ]),
    // xmpp/xml, xmpp/jid and xmpp/namespaces are vocabulary that any shared room may use.
    ...line("shared", [
      ["xmpp", "http"],
      ["stanza", "bridge-channel", "rtp", "config", "metrics"],
      ["logging"],
      ["runtime"],
    ]).map((rule) => ({
      ...rule,
      to: { ...rule.to, pathNot: "^shared/src/xmpp/(xml|jid|namespaces)\\.ts$" },
    })),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^dist/" },
    enhancedResolveOptions: {
      conditionNames: ["source", "import", "node", "default"],
      exportsFields: ["exports"],
      extensions: [".ts", ".js"],
    },
  },
};
