import { describe, expect, it } from "vitest";

import type { Answer, Snapshot } from "../src/contract.ts";
import { localTimes, missingHelp, shellWord } from "../src/sentences.ts";
import { allAsk, comparableWindow, knownIn, lastLogged, startOfKnown } from "../src/way_out.ts";

const NOW = Date.UTC(2026, 10, 27, 19, 40) / 1000;

describe("sentences of the server", () => {
  it("have their times in the reader's zone, short", () => {
    const local = (text: string) => localTimes(text, NOW, true);
    expect(
      local("High traffic generated an alert - hits = 16, triggered at 2026-11-27T19:32:53+00:00"),
    ).toBe("High traffic generated an alert - hits = 16, triggered at 19:32:53");
    expect(local("no data before 2026-10-01 06:00:00 UTC; x")).toBe(
      "no data before Oct 1 06:00:00; x",
    );
    expect(local("stays open until 2026-11-27T21:00:00+02:00)")).toBe("stays open until 19:00:00)");
    expect(local("last at 2026-11-27T19:32:53Z.")).toBe("last at 19:32:53.");
  });

  it("keep what is a value of a log, or of another zone", () => {
    for (const text of [
      "path /a?since=2026-11-27T19:32:53+00:00",
      "/x/2026-11-27T19:32:53Z",
      "no data before 2026-11-27 19:32:53 CET",
      "2026-99-99T99:99:99Z",
    ])
      expect(localTimes(text, NOW, true)).toBe(text);
  });

  it("name the way out where data is missing", () => {
    expect(missingHelp("no data before 19:32")).toContain("--from start");
    expect(missingHelp("no data after 19:32")).toBe("no data after 19:32");
  });

  it("can be pasted into a shell", () => {
    expect(shellWord("/var/log/nginx/access.log")).toBe("/var/log/nginx/access.log");
    expect(shellWord("it's; rm -rf")).toBe(`'it'\\''s; rm -rf'`);
  });
});

const answer = (more: Partial<Answer>) =>
  ({ total: {}, error: "", known: 0, covers_since: null, ...more }) as Answer;

describe("what there is", () => {
  it("is asked for once a minute at most, however long ago it was", () => {
    expect(allAsk(NOW + 1)).toEqual(allAsk(NOW + 59));
    expect(allAsk(120)).toEqual({
      seconds: 120,
      until: 120,
      measures: ["hits", "first_seen", "last_seen"],
    });
    const total = { hits: 3, first_seen: 100, last_seen: 199.5 };
    expect(knownIn(answer({ total }))).toEqual({ hits: 3, first: 100, last: 199 });
    expect(knownIn(answer({ total: { hits: 0, first_seen: null, last_seen: null } }))).toBeNull();
  });

  it("may be only the end of a log that was not read", () => {
    const sources = [{ last_record: 5 }, { last_record: 9 }, { last_record: null }];
    expect(lastLogged({ health: { sources } } as unknown as Snapshot)).toBe(9);
    expect(lastLogged({ health: { sources: [] } } as unknown as Snapshot)).toBeNull();
  });

  it("is compared over as long a window as has one before it", () => {
    const windows = [10, 60, 300, 900];
    expect(comparableWindow("before", 500, windows, 300)).toBe(60);
    expect(comparableWindow("before", 19, windows, 300)).toBeNull();
    // Where the span is long enough, it is not what is wrong.
    expect(comparableWindow("before", 5000, windows, 300)).toBe(60);
    expect(comparableWindow("week", 500, windows, 300)).toBeNull();
    expect(startOfKnown(null, answer({ known: 5, covers_since: 7 }))).toBe(7);
    expect(startOfKnown(answer({ known: 5, covers_since: 8 }), answer({}))).toBe(8);
  });
});
