import { Bug } from "#shared/runtime/bug";

/** From now on a method throws where `when` says so; returns what mends it. */
export function sabotage<T extends object, K extends keyof T & string>(
  prototype: T,
  name: K,
  when: (self: T, args: readonly unknown[]) => boolean,
): () => void {
  const method = prototype[name];
  if (typeof method !== "function") throw new Bug(`no method ${name}`);
  const fragile = new Proxy(method, {
    apply(target, self: T, args: unknown[]): unknown {
      if (when(self, args)) throw new Bug(`injected into ${name}`);
      return Reflect.apply(target, self, args);
    },
  });
  const put = (value: unknown): void => {
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  };
  put(fragile);
  return () => put(method);
}
