// Subtitles of a text that somebody may have corrected: every word keeps the time of the one it was.

const CJK = /[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]/u;
const TOKEN = /[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]|[^\s\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]+/gu;
const MOST_CELLS = 4_000_000;

/** Put two pieces of text together, with a blank where one belongs. */
export function joined(left, right) {
  if (!left || !right) return left || right;
  const glue = /\s$/u.test(left) || /^\s/u.test(right) || CJK.test(left.at(-1)) || CJK.test(right[0]) ? "" : " ";
  return left + glue + right;
}

export function srt(segments, text) {
  const cues = corrected(segments, text).map(({ start, end, text: words }, number) => {
    return `${number + 1}\n${time(start)} --> ${time(Math.max(end, start + 0.001))}\n${words}\n`;
  });
  return cues.join("\n");
}

function time(seconds) {
  const ms = Math.round(seconds * 1000);
  const two = (n, size = 2) => String(n).padStart(size, "0");
  return `${two(Math.floor(ms / 3_600_000))}:${two(Math.floor(ms / 60_000) % 60)}:${two(Math.floor(ms / 1000) % 60)},${two(ms % 1000, 3)}`;
}

const tokens = (text) => [...text.matchAll(TOKEN)].map((match) => ({ word: match[0], from: match.index, to: match.index + match[0].length }));

const same = (word) => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "") || word;

/** Segments with the words of a text that was made from theirs. */
export function corrected(segments, text) {
  const old = segments.flatMap((segment, number) => tokens(segment.text).map(({ word }) => ({ word: same(word), number })));
  const now = tokens(text);
  if (!old.length || !now.length) return [];
  const places = placed(old, now.map(({ word }) => same(word)));
  const found = new Map();
  now.forEach((token, i) => {
    const range = found.get(places[i]);
    if (range) range.to = token.to;
    else found.set(places[i], { from: token.from, to: token.to });
  });
  return [...found].map(([number, { from, to }]) => ({ ...segments[number], text: text.slice(from, to).replace(/\s+/gu, " ") }));
}

/** For every word now, the segment it belongs to: those that stayed are found, the others follow them. */
function placed(old, now) {
  const places = new Array(now.length).fill(null);
  let first = 0;
  while (first < old.length && first < now.length && old[first].word === now[first]) places[first] = old[first++].number;
  let [lastOld, lastNow] = [old.length, now.length];
  while (lastOld > first && lastNow > first && old[lastOld - 1].word === now[lastNow - 1]) places[--lastNow] = old[--lastOld].number;
  const [rows, columns] = [lastOld - first, lastNow - first];
  if (rows && columns && rows * columns <= MOST_CELLS) {
    const width = columns + 1;
    const best = new Uint32Array((rows + 1) * width);
    for (let i = rows - 1; i >= 0; i--) {
      for (let j = columns - 1; j >= 0; j--) {
        best[i * width + j] =
          old[first + i].word === now[first + j]
            ? best[(i + 1) * width + j + 1] + 1
            : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
      }
    }
    for (let i = 0, j = 0; i < rows && j < columns; ) {
      if (old[first + i].word === now[first + j]) places[first + j++] = old[first + i++].number;
      else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i++;
      else j++;
    }
  } else if (rows) {
    for (let j = 0; j < columns; j++) places[first + j] = old[first + Math.floor((j * rows) / columns)].number;
  }
  let last = places.find((place) => place !== null) ?? old[Math.min(first, old.length - 1)].number;
  return places.map((place) => (last = place ?? last));
}
