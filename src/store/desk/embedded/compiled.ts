// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";

/** The part of WebAssembly's interface that is used. */
interface Wasm {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(code: object, imports: object): Promise<{ readonly exports: Record<string, () => unknown> }>;
  readonly Memory: new (pages: { readonly initial: number; readonly maximum: number }) => object;
  readonly Module: {
    imports(code: object): readonly { readonly module: string; readonly name: string; readonly kind: string }[];
  };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

/** The engine's SQL parser: one function of 105 kB. */
const parser = "raw_parser";
/** Pages of 64 KiB that the engine's code asks for. Where they are not touched they take nothing. */
const pages = { initial: 2048, maximum: 32768 };

/** An instance with nothing around it: a call ends at the first thing that it asks of outside. */
const bare = async (code: object): Promise<Record<string, () => unknown>> => {
  const imports: Record<string, Record<string, unknown>> = {};
  const nothing = (): never => {
    throw new Error("nothing is here");
  };
  for (const { module, name, kind } of wasm.Module.imports(code)) {
    (imports[module] ??= {})[name] = kind === "memory" ? new wasm.Memory(pages) : nothing;
  }
  return (await wasm.instantiate(code, imports)).exports;
};

/**
 * The engine's code, of which the parser stays as it is compiled at first.
 *
 * V8 compiles a function of WebAssembly quickly when it is first called, with counters in it that have it compiled anew, for
 * speed, once it has worked enough. For the parser alone this takes 600 MB of memory for a second or more, at every start, and gains nothing
 * that could be measured. So its first call is here, while V8 puts no counters in. With another engine or another V8 that
 * this does not fit, the code is what it would have been; undefined: it does not lie where it is looked for, and the engine loads it itself.
 */
export const compiledEngine = async (
  file = new URL("./pglite.wasm", import.meta.resolve("@electric-sql/pglite")),
): Promise<object | undefined> => {
  const code = await readFile(file)
    .then((bytes) => wasm.compile(bytes))
    .catch(() => undefined);
  if (code === undefined) return undefined;
  try {
    const { [parser]: parse } = await bare(code);
    setFlagsFromString("--no-wasm-tier-up");
    setFlagsFromString("--no-wasm-dynamic-tiering");
    parse?.();
  } catch {
    // It does not get far, but is compiled by then.
  } finally {
    setFlagsFromString("--wasm-tier-up");
    setFlagsFromString("--wasm-dynamic-tiering");
  }
  return code;
};
