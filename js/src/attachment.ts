/** A picture or a sound file that somebody dropped, pasted or chose, on its way to the agent. */

export interface Attachment {
  kind: "picture" | "sound";
  file: File;
}

const MOST_BYTES = 8 * 1024 * 1024;

/** The first file that can be given to the agent, or why none can; null when there is no file at all. */
export function attachmentOf(files: Iterable<File>): Attachment | string | null {
  const all = [...files];
  for (const file of all) {
    const kind = file.type.startsWith("image/") ? "picture" : file.type.startsWith("audio/") ? "sound" : null;
    if (kind !== null) {
      return file.size > MOST_BYTES ? tooLarge(file, kind) : { kind, file };
    }
  }
  const first = all[0];
  return first === undefined ? null : `${first.name || "this"} is neither a picture nor a sound file.`;
}

function tooLarge({ name, size }: File, kind: Attachment["kind"]): string {
  const megabytes = Math.ceil(size / 1024 / 1024);
  const call = kind === "picture" ? "add_image" : "play";
  return `${name} has ${megabytes} MB, and here at most 8 go through: use w.${call}(…) in a cell.`;
}
