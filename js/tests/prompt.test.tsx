// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { attachmentOf } from "../src/attachment";
import type { Fields } from "../src/messages";
import { changesBetween, type Prompt } from "../src/prompt";
import { mountPanel } from "../src/views/panel";
import { user } from "./fakes/events";
import { callUp, openPage, type Page, settle } from "./fakes/page";
import { type Browser, installBrowser } from "./fakes/rtc";

/** A file is read in real time, whatever the clock says. */
const PATIENCE = { timeout: 20_000 };
const SETUP = {
  fields: {
    instructions: "Be a barista.",
    voice: "marin",
    turn_detection: { type: "server_vad", silence_duration_ms: 500 },
    transcription: { model: "gpt-transcribe" },
  },
  effective: {},
  requested: { instructions: "Be a barista." },
  version: 3,
  variant: "calm",
  choices: { model: [], transcription: ["gpt-transcribe"], voice: ["marin", "cedar"] },
};
const VARIANTS = [
  { name: "brisk", hash: "1234abcd", changes: ["instructions:", "- <b>slow</b>", "+ quick"], code: "rtc.Variant()" },
  { name: "broken", error: "line 3: no such field" },
];

let browser: Browser;
let page: Page;
let view: HTMLElement;
let unmount: () => void;
let asked: [string, Fields][];

const click = async (name: string) => {
  const found = [...view.querySelectorAll("button")].find(
    (each) => !each.closest("[hidden]") && (each.textContent === name || each.getAttribute("aria-label") === name),
  );
  expect(found, name).toBeDefined();
  found?.click();
  await settle();
};
const choose = async (label: string, value: string) => {
  const found = view.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`);
  if (found !== null) {
    found.value = value;
    found.dispatchEvent(new Event("change", { bubbles: true }));
  }
  await settle();
};
const json = () => view.querySelector<HTMLTextAreaElement>("textarea.rtcw-json");
const type = async (session: Fields) => {
  const field = json();
  if (field !== null) {
    field.value = JSON.stringify(session);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  await settle();
};
const prompt = (): Prompt => page.instance.prompt;

beforeEach(async () => {
  vi.useFakeTimers();
  browser = installBrowser();
  page = await openPage({ record: true });
  asked = [];
  const answer = (method: string, result: Fields) => {
    page.kernel.answers[method] = (params) => {
      asked.push([method, params]);
      return result;
    };
  };
  answer("session", SETUP);
  answer("variants", { variants: VARIANTS });
  answer("update", {});
  answer("keep", { path: "variants/slow.md" });
  answer("as_python", { code: "w = …" });
  view = document.body.appendChild(document.createElement("div"));
  unmount = mountPanel(page.instance, view);
  await settle();
});

afterEach(() => {
  unmount();
  page.instance.dispose();
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("the Prompt tab", () => {
  beforeEach(async () => {
    await click("Prompt");
    // Effects run behind the next frame.
    await vi.advanceTimersByTimeAsync(100);
  });

  it("applies what was edited, and nothing else", async () => {
    await choose("Voice", "cedar");
    await choose("Turn ends", "semantic_vad");
    expect(prompt().draft.value).toEqual({ voice: "cedar", turn_detection: { type: "semantic_vad" } });
    await choose("Voice", "marin");
    await click("Apply");
    expect(asked.find(([method]) => method === "update")?.[1]).toEqual({
      fields: { turn_detection: { type: "semantic_vad" } },
    });
    expect(prompt().draft.value).toEqual({});
  });

  it("says why a change was refused, and keeps it to be mended", async () => {
    page.kernel.answers.update = () => {
      throw { name: "ServerError", message: "The voice cannot be changed now." };
    };
    await choose("Voice", "cedar");
    await click("Apply");
    expect(view.querySelector("[role=alert]")?.textContent).toBe("The voice cannot be changed now.");
    expect(prompt().draft.value).toEqual({ voice: "cedar" });
  });

  it("applies to the session of now only what was edited in the JSON of an earlier one", async () => {
    await click("JSON");
    await type({ ...SETUP.requested, voice: "cedar" });
    expect(view.textContent).not.toContain("The session has changed since");
    const instructions = "Be a florist.";
    page.kernel.answers.session = () => ({ ...SETUP, requested: { instructions } });
    await prompt().load();
    await settle();
    expect(view.textContent).toContain("The session has changed since; only your own changes are applied.");
    await click("Apply JSON");
    expect(asked.find(([method]) => method === "update")?.[1]).toEqual({ fields: { voice: "cedar" } });
    expect(json()?.value).toContain(instructions);
    expect(view.textContent).not.toContain("The session has changed since");
  });

  it("says that nothing was changed, and sends nothing, where the JSON is the same session", async () => {
    await click("JSON");
    await type(SETUP.requested);
    await click("Apply JSON");
    expect(prompt().done.value).toBe("Nothing was changed.");
    expect(asked.some(([method]) => method === "update")).toBe(false);
    expect(prompt().json.value).toBeNull();
  });

  it("keeps what was edited in the form while the JSON is applied", async () => {
    await choose("Voice", "cedar");
    await click("JSON");
    await type({ instructions: "Be a librarian." });
    await click("Apply JSON");
    expect(prompt().done.value).toBe("Applied.");
    expect(prompt().draft.value).toEqual({ voice: "cedar" });
  });

  it("keeps what is edited in the form while its earlier changes are on their way", async () => {
    let answer = () => undefined as unknown;
    page.kernel.answers.update = () => new Promise((resolve) => (answer = () => resolve({})));
    await choose("Voice", "cedar");
    await click("Apply");
    await choose("Turn ends", "");
    answer();
    await vi.advanceTimersByTimeAsync(10);
    expect(prompt().draft.value).toEqual({ turn_detection: null });
  });

  it("keeps what is edited and typed while a variant is being saved", async () => {
    let answer = () => undefined as unknown;
    page.kernel.answers.keep = () => new Promise((resolve) => (answer = () => resolve({})));
    await choose("Voice", "cedar");
    prompt().name.value = "slow";
    await settle();
    await click("Save as variant");
    await choose("Turn ends", "");
    prompt().name.value = "slower";
    answer();
    await vi.advanceTimersByTimeAsync(10);
    expect(prompt().done.value).toBe("Saved as variants/slow.md, and in force.");
    expect(prompt().draft.value).toEqual({ turn_detection: null });
    expect(prompt().name.value).toBe("slower");
  });

  it("keeps what is typed in the JSON while its earlier changes are on their way", async () => {
    let answer = () => undefined as unknown;
    page.kernel.answers.update = () => new Promise((resolve) => (answer = () => resolve({})));
    await click("JSON");
    await type({ instructions: "Be a librarian." });
    await click("Apply JSON");
    await type({ instructions: "Be a quiet librarian." });
    answer();
    await vi.advanceTimersByTimeAsync(10);
    expect(json()?.value).toContain("Be a quiet librarian.");
  });

  it("sends one change at a time, however often a button is clicked", async () => {
    let answer = () => undefined as unknown;
    page.kernel.answers.update = (params) => {
      asked.push(["update", params]);
      return new Promise((resolve) => (answer = () => resolve({})));
    };
    await choose("Voice", "cedar");
    await click("Apply");
    for (const name of ["Apply", "Use", "Save as variant"]) {
      await click(name);
    }
    void prompt().take("brisk");
    answer();
    await vi.advanceTimersByTimeAsync(10);
    const changes = asked.filter(([method]) => method === "update" || method === "keep");
    expect(changes).toEqual([["update", { fields: { voice: "cedar" } }]]);
    await click("Use");
    expect(asked.at(-1)).toEqual(["update", { variant: "brisk" }]);
  });

  it("saves no variant while edited JSON waits to be applied or discarded", async () => {
    const name = view.querySelector<HTMLInputElement>("input[aria-label='Name of the variant']");
    if (name !== null) {
      name.value = "slow";
      name.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const save = () => {
      const button = view.querySelector<HTMLButtonElement>(".rtcw-prompt button[type=submit]");
      return [button?.textContent, button?.getAttribute("aria-disabled"), button?.title];
    };
    await click("JSON");
    await type({ instructions: "Be a librarian." });
    expect(save()).toEqual(["Save as variant", "true", "Apply or discard the JSON first."]);
    await click("Discard");
    expect(save()).toEqual(["Save as variant", "false", ""]);
  });

  it("forgets why the JSON was refused when it is discarded", async () => {
    page.kernel.answers.update = () => {
      throw { name: "ServerError", message: "No such voice." };
    };
    await click("JSON");
    await type({ ...SETUP.requested, voice: "nobody" });
    await click("Apply JSON");
    expect(view.querySelector("[role=alert]")?.textContent).toBe("No such voice.");
    await click("Discard");
    expect(view.querySelector("[role=alert]")).toBeNull();
    expect(prompt().json.value).toBeNull();
  });

  it("keeps the session's JSON as it was edited while another tab is in front", async () => {
    await click("JSON");
    await type({ instructions: "Be a librarian." });
    const edited = json()?.value;
    await click("Events");
    expect(json()).toBeNull();
    await click("Prompt");
    await vi.advanceTimersByTimeAsync(100);
    expect(json()?.value).toBe(edited);
    await click("Apply JSON");
    expect(asked.find(([method]) => method === "update")?.[1]).toEqual({
      fields: { instructions: "Be a librarian." },
    });
    expect(json()?.value).toBe(JSON.stringify(SETUP.requested, null, 2));
  });

  it("says that it waits for a kernel that is busy, and then what became of it", async () => {
    let answer = () => undefined as unknown;
    page.kernel.answers.update = () => new Promise((resolve) => (answer = () => resolve({})));
    await choose("Voice", "cedar");
    await click("Apply");
    expect(prompt().done.value).toBe("");
    await vi.advanceTimersByTimeAsync(600);
    expect(view.querySelector("[role=status].rtcw-unseen")?.textContent).toBe("Waiting for the kernel…");
    answer();
    await vi.advanceTimersByTimeAsync(10);
    expect(prompt().done.value).toBe("Applied.");
  });

  it("turns to hand what the user wants to end by hand", async () => {
    await choose("Turn ends", "");
    expect(prompt().draft.value).toEqual({ turn_detection: null });
  });

  it("shows what a variant would change as text, and takes it over", async () => {
    expect(view.textContent).toContain("line 3: no such field");
    await click("Differences");
    expect([...view.querySelectorAll(".rtcw-diff > *")].map((each) => [each.tagName, each.textContent])).toEqual([
      ["DEL", "- <b>slow</b>"],
      ["INS", "+ quick"],
    ]);
    await click("Use");
    expect(asked.find(([method]) => method === "update")?.[1]).toEqual({ variant: "brisk" });
  });

  it("saves what was edited as a variant", async () => {
    await choose("Voice", "cedar");
    prompt().name.value = "slow";
    expect(await prompt().save()).toBe(true);
    const done = asked.filter(([method]) => method === "update" || method === "keep");
    expect(done).toEqual([["keep", { name: "slow", edits: { voice: "cedar" } }]]);
    expect(prompt().draft.value).toEqual({});
  });
});

describe("a turn asked again", () => {
  const ANSWERS = [
    { id: "answer-0", variant: "as it is now", repeat: 0, transcript: "<i>Yes.</i>", audible: true, error: null },
    { id: "answer-1", variant: "brisk", repeat: 0, transcript: null, audible: false, error: "no answer" },
  ].map((answer) => ({ latency_heard_ms: 612.2, latency_inferred_ms: 580, cost_usd: 0.0021, ...answer }));

  beforeEach(async () => {
    page.kernel.answers.ask_again = (params) => {
      asked.push(["ask_again", params]);
      return { answers: ANSWERS };
    };
    await callUp(page, browser);
    browser.receive(user.typed("u1", null, "A flat white."));
    await settle();
    await click("Ask again");
  });

  it("answers side by side under the turn, each with its numbers, and keeps the one that was chosen", async () => {
    for (const box of view.querySelectorAll<HTMLInputElement>(".rtcw-ask input[type=checkbox]")) {
      if (!box.checked) {
        box.click();
      }
    }
    await choose("How often", "3");
    await click("Ask");
    expect(asked.find(([method]) => method === "ask_again")?.[1]).toEqual({
      item_id: "u1",
      variants: ["as it is now", "brisk"],
      repeats: 3,
      on: "new_calls",
    });
    const columns = [...view.querySelectorAll(".rtcw-row .rtcw-answers-of")];
    expect(columns.map((column) => column.textContent)).toEqual([
      "as it was when asked▶<i>Yes.</i>612 ms · $0.002",
      "briskKeep this oneNo answer: no answer612 ms · $0.002",
    ]);
    await click("Keep this one");
    expect(asked.find(([method]) => method === "update")?.[1]).toEqual({ variant: "brisk" });
  });

  it("stays closed when it was closed while it asked", async () => {
    let answer = () => undefined as unknown;
    page.kernel.answers.ask_again = () => new Promise((resolve) => (answer = () => resolve({ answers: ANSWERS })));
    await click("Ask");
    await click("Close");
    answer();
    await settle();
    expect(prompt().asks.value.size).toBe(0);
    expect(view.querySelector(".rtcw-ask")).toBeNull();
  });

  it("says why it was not asked", async () => {
    page.kernel.answers.ask_again = () => {
      throw { name: "ConfigurationError", message: "It was not recorded." };
    };
    await click("Ask");
    expect(view.querySelector(".rtcw-ask [role=alert]")?.textContent).toBe("Not asked: It was not recorded.");
  });
});

describe("hearing a turn", () => {
  it("asks the kernel for it, and says why there is nothing to hear", async () => {
    page.kernel.answers.sound = () => {
      throw { name: "ConfigurationError", message: "nothing was recorded of it" };
    };
    page.instance.listener.toggle("k", { item_id: "u1" });
    expect(page.instance.listener.playing.value).toBe("k");
    await settle();
    expect(page.instance.listener.playing.value).toBe("");
    expect(page.instance.listener.problem.value).toEqual({ key: "k", words: "nothing was recorded of it" });
  });
});

describe("changes between two sessions", () => {
  it("are sparse, lists whole, and replace an object whose type is another", () => {
    expect(
      changesBetween(
        { voice: "a", audio: { input: { format: 1, turn: { type: "server_vad", ms: 5 } } }, tools: [1, 2], same: {} },
        { voice: "a", audio: { input: { format: 1, turn: { type: "semantic_vad" } } }, tools: [1], same: {}, speed: 2 },
      ),
    ).toEqual({ audio: { input: { turn: { type: "semantic_vad" } } }, tools: [1], speed: 2 });
  });

  it("name the type of an object that keeps it, and nothing of one in which nothing changed", () => {
    const before = { turn_detection: { type: "server_vad", ms: 500, eager: true }, format: { type: "pcm", rate: 1 } };
    expect(changesBetween(before, { ...before, turn_detection: { ...before.turn_detection, ms: 300 } })).toEqual({
      turn_detection: { type: "server_vad", ms: 300 },
    });
    expect(changesBetween(before, structuredClone(before))).toEqual({});
  });

  it("are null for what was taken out, unless there was nothing", () => {
    expect(
      changesBetween(
        {
          voice: "a",
          speed: null,
          audio: { turn: { type: "server_vad", ms: 5 }, noise: { type: "near" }, rate: null },
        },
        { audio: { turn: { type: "server_vad" } } },
      ),
    ).toEqual({ voice: null, audio: { turn: { type: "server_vad", ms: null }, noise: null } });
  });
});

describe("what is dropped on the composer", () => {
  const drop = async (...files: File[]) => {
    const event = new Event("drop", { bubbles: true, cancelable: true });
    Object.defineProperty(event, "dataTransfer", { value: { files, types: ["Files"] } });
    view.querySelector(".rtcw-composer")?.dispatchEvent(event);
    await settle();
    return event;
  };
  const sent = () => page.kernel.sent.filter((message) => message.kind === "request");

  beforeEach(() => callUp(page, browser));

  it("waits for Send, and then goes with the words to the kernel", async () => {
    page.kernel.answers.add_image = () => ({});
    const event = await drop(new File([new Uint8Array([1, 2])], "menu.png", { type: "image/png" }));
    expect(event.defaultPrevented).toBe(true);
    expect(view.querySelector(".rtcw-attached")?.textContent).toContain("menu.png will be shown to the agent");
    expect(sent().some(({ method }) => method === "add_image")).toBe(false);
    await click("Send");
    await vi.waitFor(
      () => expect(sent().at(-1)).toMatchObject({ method: "add_image", params: { respond: true } }),
      PATIENCE,
    );
    expect(view.querySelector(".rtcw-attached")).toBeNull();
  });

  it("is given back with the reason when the kernel refuses it", async () => {
    page.kernel.answers.play = () => {
      throw { name: "ConfigurationError", message: "this is no sound" };
    };
    await drop(new File(["x"], "order.wav", { type: "audio/wav" }));
    await click("Send");
    await vi.waitFor(
      () =>
        expect(view.querySelector(".rtcw-composer [role=alert]")?.textContent).toBe(
          "Not sent: order.wav: this is no sound",
        ),
      PATIENCE,
    );
    expect(view.querySelector(".rtcw-attached")?.textContent).toContain("order.wav");
  });
});

describe("what is dropped", () => {
  const file = (name: string, type: string, size = 4) => new File([new Uint8Array(size)], name, { type });

  it("is a picture, a sound file, or said to be neither", () => {
    expect(attachmentOf([file("menu.png", "image/png")])).toMatchObject({ kind: "picture" });
    expect(attachmentOf([file("a.txt", "text/plain"), file("order.wav", "audio/wav")])).toMatchObject({
      kind: "sound",
    });
    expect(attachmentOf([file("a.txt", "text/plain")])).toBe("a.txt is neither a picture nor a sound file.");
    expect(attachmentOf([])).toBeNull();
  });

  it("names the way out when it is too large", () => {
    expect(attachmentOf([file("long.wav", "audio/wav", 9 * 1024 * 1024)])).toContain("w.play(…) in a cell");
  });
});
