/** A widget in a page: one instance, its kernel and the browser's edges, under fake time. */

import { vi } from "vitest";
import { createInstance, type Instance } from "../../src/instance";
import type { Fields, PanelConfig } from "../../src/messages";
import { createKernel, type Kernel } from "./kernel";

export interface Page {
  kernel: Kernel;
  instance: Instance;
  /** States of the call as the kernel's log has them. */
  states(): unknown[];
  lastState(): Fields;
}

/** Let everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await vi.advanceTimersByTimeAsync(0);
  }
}

export async function openPage(config?: Partial<PanelConfig>, kernel = createKernel()): Promise<Page> {
  const instance = createInstance(kernel.model);
  await settle();
  if (config !== undefined && instance.store.config.value !== null) {
    instance.store.configure({ ...instance.store.config.value, ...config });
  }
  return {
    kernel,
    instance,
    states: () => kernel.notes("rtc.state").map(({ state }) => state),
    lastState: () => kernel.notes("rtc.state").at(-1) ?? {},
  };
}

/** Connect by the panel's button and let the call come up. */
export async function callUp(page: Page, browser: { connectPeer(): void }): Promise<void> {
  page.instance.connect();
  await settle();
  browser.connectPeer();
  await settle();
}
