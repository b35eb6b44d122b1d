/** Whether the host is light or dark: by what it says of itself, else by what the system prefers. */

import { type ReadonlySignal, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const theme = signal<Theme>("light");
let watching = false;

/** The theme of this page, followed from the first time that somebody asks. */
export function pageTheme(): ReadonlySignal<Theme> {
  if (!watching) {
    watching = true;
    const look = () => {
      theme.value = hostTheme() ?? (preference?.matches ? "dark" : "light");
    };
    const preference = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
    preference?.addEventListener("change", look);
    const attributes = {
      attributes: true,
      attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind", "class", "theme"],
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, attributes);
    observer.observe(document.documentElement, attributes);
    look();
  }
  return theme;
}

/** JupyterLab, VS Code, Colab and marimo each say it in their own way. */
function hostTheme(): Theme | null {
  const { body, documentElement: root } = document;
  const lab = body.dataset.jpThemeLight;
  if (lab !== undefined) {
    return lab === "false" ? "dark" : "light";
  }
  const kind = body.dataset.vscodeThemeKind;
  if (kind !== undefined) {
    return kind.endsWith("light") ? "light" : "dark"; // of high contrast, the dark one has no word more
  }
  const named = root.getAttribute("theme");
  if (named === "dark" || named === "light") {
    return named;
  }
  return body.classList.contains("dark") || root.classList.contains("dark") ? "dark" : null;
}
