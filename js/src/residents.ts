/**
 * The instances of this page by their ids. A host makes a new model for a widget whose notebook is closed and opened
 * again, while the old one may still hold the call: the new one finds it here and leaves its place to it.
 */

import type { Model } from "./afm";

/** What an instance offers to another copy of this module: nothing that either would have to understand. */
export interface Resident {
  /** Show it in an element; returns how to take it away again. */
  mount(el: HTMLElement): () => void;
  /** The model it talks through. */
  model(): Model;
  /** Talk through this model from now on. */
  adopt(model: Model): void;
  dispose(): void;
}

const PLACE = Symbol.for("rtc_widget.residents");

type Page = typeof globalThis & { [PLACE]?: Map<string, Resident> };

/** All instances of this page, whichever module made them. */
export function residents(): Map<string, Resident> {
  const page: Page = globalThis;
  page[PLACE] ??= new Map();
  return page[PLACE];
}
