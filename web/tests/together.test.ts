import { expect, it } from "vitest";

import type { Answer } from "../src/contract.ts";
import { together, type Asked, type Together } from "../src/hooks.ts";

function at(until: number, shift = 0, isOld = false): Asked {
  const id = JSON.stringify(shift ? { seconds: 60, shift } : { seconds: 60 });
  return { answer: { id, until: until - shift } as Answer, isOld };
}
const NONE: Asked = { answer: null, isOld: false };
const ends = (found: Together<Asked> | null) => found?.asked.map((one) => one.answer?.until);

it("shows numbers of one instant beside each other, and the last ones until then", () => {
  expect(together(null, [at(100), NONE], "a")).toBeNull();
  const first = together(null, [at(100), at(100, 60)], "a");
  expect(ends(first)).toEqual([100, 40]);
  // One answer of the next round is there, the other is not.
  expect(together(first, [at(102), at(100, 60)], "a")).toBe(first);
  expect(together(first, [at(102), at(100, 60), NONE], "a")).toBe(first);
  expect(ends(together(first, [at(102), at(102, 60)], "a"))).toEqual([102, 42]);
});

it("keeps nothing of another question, and nothing for long where the parts never meet", () => {
  const first = together(null, [at(100), at(100)], "a");
  expect(together(first, [at(102), at(100)], "b")).toBeNull();
  expect(together(first, [at(102, 0, true), at(102)], "b")).toBeNull();
  expect(together(first, [at(130), at(129)], "a")).toBe(first);
  expect(ends(together(first, [at(132), at(131)], "a"))).toEqual([132, 131]);
});
