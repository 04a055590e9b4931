import { expect, it } from "vitest";

import { blocks } from "./markdown";

it("knows headings, lists and paragraphs", () => {
  expect(blocks("# Digits\n\nLook at\nthe shape.\n- one\n- two\n  and a half\n1. first")).toEqual([
    { kind: "heading", level: 1, text: "Digits" },
    { kind: "paragraph", text: "Look at the shape." },
    { kind: "list", ordered: false, items: ["one", "two and a half"] },
    { kind: "list", ordered: true, items: ["first"] },
  ]);
});

it("leaves HTML the text that it is", () => {
  expect(blocks("<script>alert(1)</script>")).toEqual([{ kind: "paragraph", text: "<script>alert(1)</script>" }]);
});
