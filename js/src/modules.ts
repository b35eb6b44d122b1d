/** Parts that few need: files of their own, which the kernel hands over as it does the widget itself. */

import type { Exchange } from "./exchange";

/** Load a part by its name; no other server is asked. */
export async function loadModule<T>(request: Exchange["request"], name: "loopback" | "waves"): Promise<T> {
  const { code } = await request("module", { name });
  const url = URL.createObjectURL(new Blob([String(code)], { type: "text/javascript" }));
  try {
    return (await import(/* @vite-ignore */ url)) as T;
  } finally {
    URL.revokeObjectURL(url);
  }
}
