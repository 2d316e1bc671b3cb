import { Router } from "./router.ts";

const router = new Router<number>();
router.add("GET", "/debug/{conference}/{endpoint}", 1);
router.add("POST", "/debug/all", 2);
router.add("GET", "/rest/{path*}", 3);

/** Takes any bytes as a request path and returns. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  router(input) {
    const path = new TextDecoder().decode(input);
    router.match("GET", path);
    router.match("PATCH", path);
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  router: ["/debug/a%40b/c", "/rest//x/%zz", "//", ""].map((text) =>
    new TextEncoder().encode(text),
  ),
};
