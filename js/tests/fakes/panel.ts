/** The panel of a page, in a document that has nothing else. */

import { vi } from "vitest";
import { mountPanel } from "../../src/views/panel";
import type { Page } from "./page";

export interface Shown {
  view: HTMLElement;
  unmount(): void;
  /** Take it out again, with the page. */
  leave(): Promise<void>;
}

/** Show a page's panel. */
export function show({ instance }: Page): Shown {
  const view = document.body.appendChild(document.createElement("div"));
  const unmount = mountPanel(instance, view);
  return {
    view,
    unmount,
    async leave() {
      // Effects that wait for a frame would wait for it in the next test as well.
      await vi.advanceTimersByTimeAsync(100);
      unmount();
      instance.dispose();
      document.body.replaceChildren();
    },
  };
}
