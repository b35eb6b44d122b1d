// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createAssembler } from "../src/audio/player";
import { createKernel } from "./fakes/kernel";
import { callUp, openPage, type Page, settle } from "./fakes/page";
import { type Browser, installBrowser } from "./fakes/rtc";

let browser: Browser;
let page: Page;

/** Samples as the relay brings them: little-endian, and beginning at an odd byte. */
function chunkOf(samples: number[]): DataView {
  const view = new DataView(new ArrayBuffer(2 * samples.length + 1), 1);
  samples.forEach((sample, index) => {
    view.setInt16(2 * index, sample, true);
  });
  return view;
}

const about = { sample_rate_hz: 16_000, what: "order.wav" };
const playing = () => page.kernel.notes("rtc.play").map(({ phase }) => phase);

beforeEach(async () => {
  vi.useFakeTimers();
  browser = installBrowser();
  page = await openPage();
  await callUp(page, browser);
});

afterEach(() => {
  page.instance.dispose();
  vi.useRealTimers();
});

describe("play", () => {
  it("sends the file in place of the microphone, then silence until stop_play", async () => {
    const first = page.kernel.command("play", { ...about, samples: 3, chunk: 0, chunks: 2 }, [
      chunkOf([16_384, -32_768]),
    ]);
    const last = page.kernel.command("play", { ...about, samples: 3, chunk: 1, chunks: 2 }, [chunkOf([8192])]);
    expect(await first).toMatchObject({ ok: true });
    await settle();
    expect(browser.clips).toHaveLength(1);
    expect([...(browser.clips[0]?.samples ?? [])]).toEqual([0.5, -1, 0.25]);
    expect(browser.clips[0]?.sample_rate_hz).toBe(16_000);
    expect(browser.peer().outgoing?.label).toBe("silence");
    expect(playing()).toEqual(["started"]);
    browser.clips[0]?.end();
    expect(await last).toMatchObject({ ok: true });
    await settle();
    expect(playing()).toEqual(["started", "ended"]);
    expect(browser.peer().outgoing?.label).toBe("silence");
    await page.kernel.command("stop_play");
    expect(browser.peer().outgoing?.label).toBe("microphone");
  });

  describe("whose kernel is gone", () => {
    beforeEach(async () => {
      void page.kernel.command("play", { ...about, samples: 1, chunk: 0, chunks: 1 }, [chunkOf([1])]);
      await settle();
    });

    it("gives the line back to the microphone when another kernel takes over", async () => {
      page.instance.adopt(createKernel(undefined, "e2").model);
      await settle();
      expect(browser.peer().outgoing?.label).toBe("microphone");
      expect(page.instance.store.activity.file.value).toBe("");
    });

    it("gives it to a microphone that is chosen after the file, but goes on to the file's end", async () => {
      page.instance.devices.chooseMicrophone("usb1");
      await settle();
      expect(browser.peer().outgoing?.label).toBe("silence");
      browser.clips[0]?.end();
      await settle();
      page.instance.devices.chooseMicrophone("usb2");
      await settle();
      expect(browser.peer().outgoing).toBe(browser.opened.at(-1));
    });
  });

  it("refuses a second file while one plays", async () => {
    void page.kernel.command("play", { ...about, samples: 1, chunk: 0, chunks: 1 }, [chunkOf([1])]);
    await settle();
    const reply = await page.kernel.command("play", { ...about, samples: 1, chunk: 0, chunks: 1 }, [chunkOf([1])]);
    expect(reply).toMatchObject({ ok: false, error: { message: "Another file is still playing." } });
  });

  it("answers that a file was cut short when the call ends", async () => {
    const reply = page.kernel.command("play", { ...about, samples: 1, chunk: 0, chunks: 1 }, [chunkOf([1])]);
    await settle();
    page.instance.hangUp();
    expect(await reply).toMatchObject({ ok: false, error: { name: "ConnectionFailed" } });
    await settle();
    expect(playing()).toEqual(["started", "ended"]);
  });

  it("plays again in the next call when the last one ended in mid-file", async () => {
    const play = () => page.kernel.command("play", { ...about, samples: 1, chunk: 0, chunks: 1 }, [chunkOf([1])]);
    void play();
    await settle();
    page.instance.hangUp();
    await callUp(page, browser);
    const reply = play();
    await settle();
    browser.clips[1]?.end();
    expect(await reply).toMatchObject({ ok: true });
  });

  it("asks for a click when the browser allows no sound yet", async () => {
    page.instance.hangUp();
    browser.soundAllowed = false;
    await callUp(page, browser);
    const reply = page.kernel.command("play", { ...about, samples: 1, chunk: 0, chunks: 1 }, [chunkOf([1])]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await reply).toMatchObject({
      ok: false,
      error: { advice: expect.stringContaining("Click anywhere in the panel") },
    });
    expect(browser.peer().outgoing?.label).toBe("microphone");
  });

  it("needs a call", async () => {
    page.instance.hangUp();
    const reply = await page.kernel.command("play", { ...about, samples: 1, chunk: 0, chunks: 1 }, [chunkOf([1])]);
    expect(reply).toMatchObject({ ok: false, error: { step: "channel" } });
  });
});

describe("the chunks of a file", () => {
  const params = { ...about, samples: 2 };

  it("must come in order, with their samples, and add up", () => {
    const { take } = createAssembler();
    expect(() => take({ ...params, chunk: 0, chunks: 1 }, [])).toThrow("without its samples");
    expect(() => take({ ...params, chunk: 1, chunks: 2 }, [chunkOf([1])])).toThrow("where chunk 0 was due");
    expect(() => take({ ...params, chunk: 0, chunks: 1 }, [chunkOf([1])])).toThrow("1 samples in place of 2");
    expect(() => take({ ...about, samples: 0, chunk: 0, chunks: 1 }, [chunkOf([])])).toThrow("no samples");
    expect(() => take({}, [chunkOf([1])])).toThrow("play needs");
  });

  it("begin again with chunk 0 of the next file", () => {
    const { take } = createAssembler();
    expect(take({ ...params, chunk: 0, chunks: 2 }, [chunkOf([1])])).toBeNull();
    expect(take({ ...params, chunk: 0, chunks: 1 }, [chunkOf([1, 2])])?.samples).toHaveLength(2);
  });
});
