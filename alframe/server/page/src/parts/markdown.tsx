/** Guidelines as Markdown, of which a little is known: headings, lists, paragraphs, bold, italics and code. */
import type { ComponentChildren } from "preact";

export type Block =
  | { kind: "heading"; level: number; text: string }
  | { kind: "list"; ordered: boolean; items: string[] }
  | { kind: "paragraph"; text: string };

const HEADING = /^(#{1,3})\s+(.*)$/;
const ITEM = /^\s*([-*]|\d+[.)])\s+(.*)$/;

/** The blocks of a text. Nothing in it is HTML: what is not known stays as it was written. */
export function blocks(source: string): Block[] {
  const found: Block[] = [];
  let open: Block | null = null;
  for (const line of source.split("\n")) {
    const heading = HEADING.exec(line);
    const item = ITEM.exec(line);
    if (heading) {
      found.push({ kind: "heading", level: heading[1]!.length, text: heading[2]! });
      open = null;
    } else if (item) {
      const ordered = /\d/.test(item[1]!);
      if (open?.kind !== "list" || open.ordered !== ordered) found.push((open = { kind: "list", ordered, items: [] }));
      open.items.push(item[2]!);
    } else if (!line.trim()) {
      open = null;
    } else if (open?.kind === "paragraph") {
      open.text += ` ${line.trim()}`;
    } else if (open?.kind === "list") {
      open.items[open.items.length - 1] += ` ${line.trim()}`;
    } else {
      found.push((open = { kind: "paragraph", text: line.trim() }));
    }
  }
  return found;
}

const MARKED = /(\*\*[^*]+\*\*|\*[^*]+\*|`[^`]+`)/;

function inline(text: string): ComponentChildren {
  return text.split(MARKED).map((part, i) => {
    if (i % 2 === 0) return part;
    if (part.startsWith("**")) return <strong key={i}>{part.slice(2, -2)}</strong>;
    return part.startsWith("`") ? <code key={i}>{part.slice(1, -1)}</code> : <em key={i}>{part.slice(1, -1)}</em>;
  });
}

export function Markdown({ source }: { source: string }) {
  return (
    <div class="markdown">
      {blocks(source).map((block, i) => {
        if (block.kind === "heading") return <Heading key={i} level={block.level} text={block.text} />;
        if (block.kind === "paragraph") return <p key={i}>{inline(block.text)}</p>;
        const items = block.items.map((item, k) => <li key={k}>{inline(item)}</li>);
        return block.ordered ? <ol key={i}>{items}</ol> : <ul key={i}>{items}</ul>;
      })}
    </div>
  );
}

function Heading({ level, text }: { level: number; text: string }) {
  if (level === 1) return <h3>{inline(text)}</h3>;
  return level === 2 ? <h4>{inline(text)}</h4> : <h5>{inline(text)}</h5>;
}
