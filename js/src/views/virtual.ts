/** Rows of one height of which only those in sight are there, by @tanstack/virtual-core. */

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

export interface VirtualRows {
  /** Where each row in sight is, and its place in the whole. */
  shown: { place: number; top: number }[];
  height: number;
  scrollTo(place: number, align: "auto" | "center" | "end"): void;
}

const BEYOND_SIGHT = 6;

export function useVirtualRows(box: RefObject<HTMLElement | null>, count: number, height: number): VirtualRows {
  const [, redraw] = useState(0);
  const held = useRef<Virtualizer<HTMLElement, Element> | null>(null);
  const options = {
    count,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    overscan: BEYOND_SIGHT,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw((times) => times + 1),
  };
  held.current ??= new Virtualizer<HTMLElement, Element>(options);
  const virtualizer = held.current;
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return {
    shown: virtualizer.getVirtualItems().map(({ index, start }) => ({ place: index, top: start })),
    height: virtualizer.getTotalSize(),
    scrollTo: (place, align) => virtualizer.scrollToIndex(place, { align }),
  };
}
