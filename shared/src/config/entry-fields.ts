/** Fields of entries that stand below a key of free form, such as one connection of several. */
import type { ConfigFault } from "./config-error.ts";
import type { ConfigValue } from "./config-value.ts";
import { allKeys, type KeySpec, type KeyTable } from "./key-table.ts";
import { didYouMean, nearest } from "./known-keys.ts";
import type { LoadedConfig } from "./loaded-config.ts";

/** Whether an entry of that key may have the field; of keys that list no fields, every one may. */
export function isEntryField({ entryFields }: KeySpec<unknown>, field: string): boolean {
  return entryFields === undefined || entryFields.includes(field.toLowerCase());
}

/** One warning for each field that nothing reads. Values are not named. */
export function unknownEntryFields(
  config: LoadedConfig,
  tables: readonly KeyTable<unknown>[],
): ConfigFault[] {
  return allKeys(tables).flatMap(({ path, spec }) => {
    if (spec.entryFields === undefined) return [];
    return fieldsOf(config.get(path)).flatMap(([id, entry]) =>
      fieldsOf(entry)
        .filter(([field]) => !isEntryField(spec, field))
        .map(([field, { origin }]) => unknownField(`${path}.${id}`, field, spec, origin)),
    );
  });
}

function unknownField(
  parent: string,
  field: string,
  { entryFields = [] }: KeySpec<unknown>,
  origin: ConfigValue["origin"],
): ConfigFault {
  const near = nearest(field.toLowerCase(), entryFields, Math.max(3, field.length / 3));
  const remedy =
    near === undefined ? "remove it or check its spelling" : didYouMean(`${parent}.${near}`);
  return { key: `${parent}.${field}`, origin, message: "unknown key", remedy };
}

function fieldsOf(value: ConfigValue | undefined): [string, ConfigValue][] {
  return value?.kind === "object" ? [...value.fields] : [];
}
