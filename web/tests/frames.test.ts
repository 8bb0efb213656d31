import { expect, it } from "vitest";

import type { Message } from "../src/contract.ts";
import { partOf } from "../src/store.ts";

it("gives an answer of many rows a frame of its own, in the order in which all came", () => {
  const answer = (rows: number) =>
    ({
      type: "answer",
      id: "",
      columns: { hits: Array<number>(rows).fill(1) },
    }) as unknown as Message;
  const snapshot = { type: "snapshot" } as Message;
  expect(partOf([snapshot, answer(10), answer(20)])).toBe(3);
  expect(partOf([snapshot, answer(10), answer(1000), answer(5)])).toBe(2);
  expect(partOf([answer(1000), answer(1000), snapshot])).toBe(1);
  expect(partOf([{ type: "answer", id: "", error: "no" } as unknown as Message])).toBe(1);
});
