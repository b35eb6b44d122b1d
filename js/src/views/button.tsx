/** A button that is safe to click twice, and that keeps the focus in the panel: while it is off, and when it goes. */

import type { ComponentProps, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface ButtonProps extends Omit<ComponentProps<"button">, "onClick" | "ref"> {
  /** There is nothing to do for it; unlike a disabled one it stays where the keyboard is. */
  off?: boolean;
  onClick?(event: MouseEvent & { currentTarget: HTMLButtonElement }): void;
}

export function Button({ off = false, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      ref={useStaying<HTMLButtonElement>()}
      aria-disabled={off}
      onClick={(event) => {
        // What one click did, the second of a double click would do again, or take back.
        if (off || event.detail > 1) {
          event.preventDefault();
        } else {
          onClick?.(event);
        }
      }}
    />
  );
}

/** What the keyboard reaches. */
const REACHED = "[tabindex], button, input, textarea, select";

/** The focus of an element that goes away stays near: on what is around it, else on what comes first there or the tab. */
export function useStaying<T extends HTMLElement>(): RefObject<T | null> {
  const goes = useRef<T>(null);
  useLayoutEffect(
    () => () => {
      const element = goes.current;
      if (element?.contains((element.getRootNode() as Document).activeElement) !== true) {
        return;
      }
      const around: HTMLElement[] = [];
      const panel = element.closest(".rtcw");
      for (let box = element.parentElement; box !== null && box !== panel; box = box.parentElement) {
        around.push(box);
      }
      queueMicrotask(() => {
        const left = around.filter((box) => box.isConnected);
        const next =
          left.find((box) => box.matches("[tabindex]")) ??
          left.map((box) => box.querySelector<HTMLElement>(REACHED)).find((found) => found !== null) ??
          panel?.querySelector<HTMLElement>("[role=tab][aria-selected=true]");
        next?.focus({ preventScroll: true });
      });
    },
    [],
  );
  return goes;
}
