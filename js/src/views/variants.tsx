/** The variants there are files of: what each would change, and how to take it over. */

import { useSignal } from "@preact/signals";
import type { Instance } from "../instance";
import type { VariantFile } from "../prompt";
import { Button } from "./button";
import { CopyButton } from "./copy_button";

export function Variants({ instance }: { instance: Instance }) {
  const variants = instance.prompt.variants.value;
  return (
    <section aria-label="Variants">
      <h3>Variants</h3>
      {variants.length === 0 ? (
        <p class="rtcw-nothing">None yet: what you save lies in variants/, a file each.</p>
      ) : (
        variants.map((variant) => <Variant key={variant.name} instance={instance} variant={variant} />)
      )}
    </section>
  );
}

function Variant({ instance, variant }: { instance: Instance; variant: VariantFile }) {
  const open = useSignal(false);
  const { name, hash, changes = [], code, error } = variant;
  const { prompt } = instance;
  const inForce = prompt.setup.value?.variant === name;
  return (
    <div class="rtcw-variant">
      <div class="rtcw-variant-head">
        <strong>{name}</strong>
        {hash !== undefined && <span class="rtcw-hash">@{hash}</span>}
        <span class="rtcw-spring" />
        {inForce && <span class="rtcw-aside">in force</span>}
        {error === undefined && !inForce && (
          <Button class="rtcw-quiet" off={prompt.busy.value} onClick={() => void prompt.take(name)}>
            Use
          </Button>
        )}
        {error === undefined && (
          <button
            type="button"
            class="rtcw-quiet"
            aria-expanded={open.value}
            onClick={() => {
              open.value = !open.peek();
            }}
          >
            {changes.length === 0 ? "Same as now" : "Differences"}
          </button>
        )}
        {code !== undefined && <CopyButton text={() => code}>As Python</CopyButton>}
      </div>
      {error !== undefined && <p class="rtcw-problem">{error}</p>}
      {open.value && changes.length > 0 && (
        <pre class="rtcw-diff">
          {changes.map((line, place) => (
            <Line key={place} line={line} />
          ))}
        </pre>
      )}
    </div>
  );
}

/** A line that goes, one that comes, or one beside them; the sign says the same as the colour. */
function Line({ line }: { line: string }) {
  if (line.startsWith("- ")) {
    return <del>{line}</del>;
  }
  return line.startsWith("+ ") ? <ins>{line}</ins> : `${line}\n`;
}
