// The layers over a picture, drawn from its record. Coordinates are the picture's pixels.

/** The colour of a mark. */
function inkOf(id, alpha = 1) {
  return `hsl(${(id * 137.508) % 360} 85% 45% / ${alpha})`;
}

/** Runs of a mask, zeros first: COCO's string (rleFrString of its maskApi.c) or list. */
function runLengths(counts) {
  if (typeof counts !== "string") return counts;
  const found = [];
  let at = 0;
  while (at < counts.length) {
    let [value, shift, more] = [0, 0, true];
    while (more && at < counts.length) {
      const bits = counts.charCodeAt(at) - 48;
      value += (bits & 31) * 2 ** shift;
      more = (bits & 32) !== 0;
      at += 1;
      shift += 5;
      if (!more && bits & 16) value -= 2 ** shift;
    }
    found.push(found.length > 2 ? value + found[found.length - 2] : value);
  }
  return found;
}

/** The hue of a mark as red, green and blue. */
function rgbOf(id) {
  const hue = (id * 137.508) % 360;
  const part = (n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (0.45 - 0.3825 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

/** A canvas with the visible pixels of each mark, by run lengths or by the instance mask. */
function maskCanvas(sample, only) {
  const { record } = sample;
  const canvas = el("canvas", { width: record.width, height: record.height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(record.width, record.height);
  const paint = (place, id) => {
    const [r, g, b] = rgbOf(id);
    image.data.set([r, g, b, 150], place * 4);
  };
  if (record.segments) {
    const [height, width] = [record.height, record.width];
    for (const segment of record.segments) {
      if (only && segment.id !== only) continue;
      let place = 0;
      runLengths(segment.visible.counts).forEach((run, k) => {
        const end = Math.min(place + run, width * height);
        if (k % 2) for (let p = place; p < end; p += 1) paint((p % height) * width + Math.floor(p / height), segment.id);
        place = end;
      });
    }
  } else if (sample.mask) {
    const probe = el("canvas", { width: record.width, height: record.height }).getContext("2d");
    probe.drawImage(sample.mask, 0, 0);
    const ids = probe.getImageData(0, 0, record.width, record.height).data;
    for (let p = 0; p < ids.length / 4; p += 1) if (ids[p * 4] && (!only || ids[p * 4] === only)) paint(p, ids[p * 4]);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function eachMark(sample, only, draw) {
  for (const mark of sample.record.marks || []) if (!only || mark.id === only) draw(mark);
}

function outline(context, points, close = true) {
  context.beginPath();
  for (let k = 0; k + 1 < points.length; k += 2) context.lineTo(points[k], points[k + 1]);
  if (close) context.closePath();
  context.stroke();
}

function label(context, text, x, y, ink, scale) {
  const size = 11 / scale;
  context.font = `600 ${size}px system-ui, sans-serif`;
  const width = context.measureText(text).width + 6 / scale;
  const left = Math.min(Math.max(x, 0), Math.max(context.canvas.width / scaleOf(context) - width, 0));
  const top = Math.max(y, 0);
  context.fillStyle = ink;
  context.fillRect(left, top, width, size * 1.35);
  context.fillStyle = "#fff";
  context.fillText(text, left + 3 / scale, top + size * 1.03);
}

function scaleOf(context) {
  return context.getTransform().a || 1;
}

function centres(sample) {
  const found = new Map();
  for (const mark of sample.record.marks || []) if (mark.bbox) found.set(mark.id, [mark.bbox[0] + mark.bbox[2] / 2, mark.bbox[1] + mark.bbox[3] / 2]);
  return found;
}

const PAIRS = { overlapping: [], touching: [2, 3], contains: [7, 4] };

/** Each layer: whether a sample has it, and how it is drawn; `only` is a chosen mark or null. */
const LAYERS = [
  {
    name: "boxes", title: "Boxes",
    has: ({ record }) => Boolean(record.marks),
    draw(context, sample, scale, only) {
      eachMark(sample, only, ({ id, bbox }) => {
        if (!bbox) return;
        context.strokeStyle = inkOf(id);
        context.lineWidth = 1.5 / scale;
        context.strokeRect(...bbox);
      });
      context.setLineDash([4 / scale, 3 / scale]);
      for (const { id, rotated } of sample.record.boxes || []) {
        if (!rotated || (only && id !== only)) continue;
        const [cx, cy, w, h, angle] = rotated;
        context.save();
        context.translate(cx, cy);
        context.rotate((angle * Math.PI) / 180);
        context.strokeStyle = inkOf(id, 0.8);
        context.lineWidth = 1 / scale;
        context.strokeRect(-w / 2, -h / 2, w, h);
        context.restore();
      }
      context.setLineDash([]);
    },
  },
  {
    name: "masks", title: "Masks",
    has: ({ record, mask }) => Boolean(record.segments || mask),
    draw(context, sample, scale, only) {
      context.imageSmoothingEnabled = false;
      context.drawImage(maskCanvas(sample, only), 0, 0);
    },
  },
  {
    name: "keypoints", title: "Key points",
    has: ({ record }) => Boolean(record.marks && record.marks.some((mark) => mark.keypoints && mark.keypoints.length)),
    draw(context, sample, scale, only) {
      const rows = new Map((sample.record.keypoints || []).map((row) => [row.id, row]));
      eachMark(sample, only, ({ id, keypoints, keypoint_names: names }) => {
        context.strokeStyle = inkOf(id);
        context.lineWidth = 1.2 / scale;
        const row = rows.get(id);
        for (const [a, b] of (row && row.skeleton) || []) outline(context, [...keypoints[a - 1], ...keypoints[b - 1]], false);
        keypoints.forEach(([x, y], k) => {
          const hidden = row && row.keypoints[k * 3 + 2] === 1;
          context.beginPath();
          context.arc(x, y, 3.5 / scale, 0, 2 * Math.PI);
          context.fillStyle = hidden ? "#fff" : inkOf(id);
          context.fill();
          context.strokeStyle = hidden ? inkOf(id) : "#fff";
          context.stroke();
          if (only) label(context, names[k], x + 6 / scale, y - 7 / scale, inkOf(id), scale);
        });
      });
    },
  },
  {
    name: "ids", title: "Ids",
    has: ({ record }) => Boolean(record.marks && record.marks.length),
    draw(context, sample, scale, only) {
      eachMark(sample, only, ({ id, bbox, category }) => {
        if (bbox) label(context, only ? `${id} ${category}` : String(id), bbox[0], bbox[1] - 15 / scale, inkOf(id), scale);
      });
    },
  },
  {
    name: "relations", title: "Relations",
    has: ({ record }) => Boolean(record.relations),
    draw(context, sample, scale, only) {
      const { relations } = sample.record;
      const places = centres(sample);
      context.lineWidth = 1.3 / scale;
      for (const [name, dash] of Object.entries(PAIRS)) {
        context.setLineDash(dash.map((length) => length / scale));
        for (const [a, b] of relations[name] || []) {
          if (!places.has(a) || !places.has(b) || (only && a !== only && b !== only)) continue;
          context.strokeStyle = "rgb(120 40 160 / 75%)";
          outline(context, [...places.get(a), ...places.get(b)], false);
        }
      }
      context.setLineDash([]);
      const r = 4 / scale;
      context.lineWidth = 1.8 / scale;
      for (const { ids, points, kinds } of relations.intersections || []) {
        if (only && !ids.includes(only)) continue;
        points.forEach(([x, y], i) => {
          const crosses = kinds[i] === "cross";
          context.strokeStyle = crosses ? "#b00020" : "#7828a0";
          if (crosses) {
            outline(context, [x - r, y - r, x + r, y + r], false);
            outline(context, [x - r, y + r, x + r, y - r], false);
          } else context.strokeRect(x - r, y - r, 2 * r, 2 * r);
        });
      }
    },
  },
  {
    name: "text", title: "Text",
    has: ({ record }) => Boolean((record.texts && record.texts.length) || (record.marks || []).some((mark) => mark.parts && mark.parts.length)),
    draw(context, sample, scale, only) {
      const { texts } = sample.record;
      context.lineWidth = 1 / scale;
      if (texts) {
        for (const line of texts) {
          if (only && line.id !== only) continue;
          context.strokeStyle = inkOf(line.id);
          for (const word of line.words) {
            outline(context, word.polygon);
            for (const character of word.characters) outline(context, character.polygon);
          }
          label(context, line.text, line.polygon[6], line.polygon[7] + 2 / scale, inkOf(line.id), scale);
        }
        return;
      }
      eachMark(sample, only, ({ id, parts }) => {
        context.strokeStyle = inkOf(id);
        for (const { kind, text, bbox } of parts || []) {
          if (!bbox) continue;
          context.strokeRect(...bbox);
          if (kind === "word") label(context, text, bbox[0], bbox[1] + bbox[3] + 2 / scale, inkOf(id), scale);
        }
      });
    },
  },
];
