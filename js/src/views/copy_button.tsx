/** A button that copies, and says for a moment that it did. */

import { useSignal } from "@preact/signals";
import { copyText } from "../clipboard";

const SAID_MS = 1500;

interface CopyButtonProps {
  children: string;
  /** What to copy, now or soon. */
  text: () => string | Promise<string>;
}

export function CopyButton({ children, text }: CopyButtonProps) {
  const said = useSignal("");
  const copy = async () => {
    const done = await Promise.resolve(text()).then(copyText, () => false);
    said.value = done ? "Copied" : "Not copied";
    setTimeout(() => {
      said.value = "";
    }, SAID_MS);
  };
  return (
    <button type="button" class="rtcw-quiet" onClick={() => void copy()}>
      {said.value || children}
    </button>
  );
}
