"""Plotting a table by matplotlib's artists, on figures that nobody else sees."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, LogLocator, MaxNLocator

from synthdata import geometry
from synthdata.primitives import fonts
from synthdata.primitives.base import Draw
from synthdata.primitives.looks import settings
from synthdata.primitives.recorder import Item, Recorder, mark_of
from synthdata.primitives.tables import Table, draw_table, ticks_text
from synthdata.runtime.forks import lock_between_forks
from synthdata.scene import KeyPoint, Layer, Mark, Style

Params = Mapping[str, Any]
#: What an artist is, by its gid: category and parameters of its mark.
Meanings = dict[str, tuple[str, dict[str, Any]]]

_ONE_AT_A_TIME = lock_between_forks()  # settings are those of the whole process
_TURN = 35.0  # degrees
_NOTHING = Style(stroke=None, fill=None, width=0.0)


def plotted(params: Params, colors: Sequence[str], draw: Draw) -> list[Mark]:
    """The marks of a chart with these parameters, from back to front."""
    with figure(params, colors, draw) as plot:
        return plot.marks()


@contextlib.contextmanager
def figure(params: Params, colors: Sequence[str], draw: Draw) -> Iterator[Plot]:
    """The chart on a figure, which is to be drawn within the block."""
    kind = params["kind"]
    one = kind in ("bar", "pie", "histogram")
    rows = params["samples"] if kind in ("histogram", "box") else params["rows"]
    log = bool(params["log"]) and kind in ("line", "scatter")
    table = draw_table(kind, rows, 1 if one else params["series"], log, draw.geometry)
    with _ONE_AT_A_TIME, mpl.rc_context(settings(params["look"])):
        yield Plot(params, table, log, list(colors), draw)


class Plot:
    """A figure with one chart in it."""

    def __init__(
        self, params: Params, table: Table, log: bool, colors: list[str], draw: Draw
    ) -> None:
        self.params, self.table, self.log, self.colors = params, table, log, colors
        self.width, self.height = draw.width, draw.height
        self.size = float(params["size"])
        self.lying = bool(params["horizontal"]) and "bar" in params["kind"]
        self.turned = False  # whether names below the plot need more room than they have
        self.meanings: Meanings = {}
        self.figure = Figure(figsize=(draw.width / 72.0, draw.height / 72.0), dpi=72)
        FigureCanvasBase(self.figure)
        self.figure.patch.set_visible(False)
        self.axes = self._axes()
        self.drawn: dict[str, list[float]] = {}
        getattr(self, f"_{self.params['kind']}")()
        self._decorate()

    def marks(self) -> list[Mark]:
        """What is drawn, from back to front."""
        font = fonts.font_files(None)[self.params["font"]]
        recorder = Recorder(self.width, self.height, font)
        self.figure.draw(recorder)
        return self._assembled(recorder.items)

    def _axes(self) -> Axes:
        """The plot area, with room for the texts around it."""
        em = self.size
        across = 9.5 if self.lying else 6.5
        left, right = (across * em, 1.5 * em)
        top, bottom = 2.6 * em, 3.6 * em
        if self.params["kind"] == "pie":
            left, right, bottom = 0.5 * em, 9.0 * em, 1.5 * em
        w, h = self.width, self.height
        names, longest = self._names()
        if names and (longest + 0.5) * 0.9 * em > (w - left - right) / (names + 0.2):
            self.turned = True
            bottom += 0.9 * em * longest * math.sin(math.radians(_TURN))
        wide, high = max(w - left - right, 4.0), max(h - top - bottom, 4.0)
        axes = self.figure.add_axes((left / w, bottom / h, wide / w, high / h))
        axes.set_gid("axes")
        axes.patch.set_gid("axes")
        return axes

    def _names(self) -> tuple[int, float]:
        """How many names stand below the plot, and how long the longest one is, in ems."""
        kind, table = self.params["kind"], self.table
        if self.lying or kind not in ("bar", "grouped_bar", "stacked_bar", "box"):
            return 0, 0.0
        names = table.series if kind == "box" else tuple(str(name) for name in table.rows)
        font = fonts.font_files(None)[self.params["font"]]
        return len(names), max(fonts.pen_line(font, name)[0] for name in names)

    def _tag(self, artist: Any, category: str, **params: Any) -> None:
        gid = f"{category}:{len(self.meanings)}"
        artist.set_gid(gid)
        artist.set_clip_on(False)
        self.meanings[gid] = category, params

    def _name(self, row: int) -> Any:
        return self.table.rows[row]

    def _line(self) -> None:
        x = np.array(self.table.rows)
        markers = itertools.cycle("os^D")
        for k, name in enumerate(self.table.series):
            color, y = self.colors[k % len(self.colors)], self.table.values[:, k]
            (line,) = self.axes.plot(x, y, color=color, linewidth=1.8, label=name)
            self._tag(line, "series", series=name)
            marker = next(markers)
            for row in range(len(x)):
                (point,) = self.axes.plot(
                    x[row : row + 1], y[row : row + 1], marker, color=color, markersize=self._dot()
                )
                self._tag(point, "point", series=name, row=self._name(row), value=float(y[row]))
        self._limits(x, self.table.values)

    def _scatter(self) -> None:
        x = np.array(self.table.rows)
        markers = itertools.cycle("os^D")
        for k, name in enumerate(self.table.series):
            marker, color = next(markers), self.colors[k % len(self.colors)]
            for row, y in enumerate(self.table.values[:, k].tolist()):
                label = name if row == 0 else "_"
                (point,) = self.axes.plot(
                    x[row : row + 1], [y], marker, color=color, markersize=self._dot(), label=label
                )
                self._tag(point, "point", series=name, row=self._name(row), value=y)
        self._limits(x, self.table.values)

    def _dot(self) -> float:
        return max(3.0, 0.45 * self.size)

    def _limits(self, x: np.ndarray, values: np.ndarray) -> None:
        room = 0.06 * float(np.ptp(x))
        self._limit("x", float(x.min()) - room, float(x.max()) + room)
        low, high = float(values.min()), float(values.max())
        if self.log:
            self.axes.set_yscale("log")
            self._limit("y", low / 1.5, 1.5 * high * (high / low) ** self._headroom())
        else:
            room = 0.08 * (high - low or 1.0)
            self._limit("y", low - room, high + room + self._headroom() * (high - low))

    def _limit(self, name: str, first: float, last: float) -> None:
        """Set an axis's range to what the record can say of it, which has three decimals."""
        getattr(self.axes, f"set_{name}lim")(round(first, 3), round(last, 3))

    def _headroom(self) -> float:
        """The share of the numbers' range that is left free for a legend."""
        lines = len(self.table.series)
        return min(1.0, 2.0 * lines * self.size / self.height) if lines > 1 else 0.0

    def _bar(self) -> None:
        self._bars(1, np.zeros_like)

    def _grouped_bar(self) -> None:
        self._bars(len(self.table.series), np.zeros_like)

    def _stacked_bar(self) -> None:
        self._bars(1, lambda values: np.cumsum(values, axis=1) - values)

    def _bars(self, beside: int, bottoms: Any) -> None:
        values = self.table.values
        bottom = bottoms(values)
        thick = 0.72 / beside
        for k, name in enumerate(self.table.series):
            offset = (k - (beside - 1) / 2.0) * thick if beside > 1 else 0.0
            places = np.arange(len(values)) + offset
            draw = self.axes.barh if self.lying else self.axes.bar
            key = {"left" if self.lying else "bottom": bottom[:, k]}
            bars = draw(
                places,
                values[:, k],
                thick,
                color=self.colors[k % len(self.colors)],
                label=name,
                **key,
            )
            for row, bar in enumerate(bars):
                given = {"series": name, "row": self._name(row), "value": float(values[row, k])}
                self._tag(bar, "bar", **given, base=float(bottom[row, k]))
        room = 0.45 if self.lying and len(self.table.series) > 1 else self._headroom()
        most = (1.08 + room) * float((values + bottom).max())
        self._categories([str(name) for name in self.table.rows], most)

    def _categories(self, names: Sequence[str], most: float) -> None:
        """An axis of names, and one of numbers from 0 on."""
        across = (-0.6, len(names) - 0.4)
        if self.lying:
            self._limit("y", across[1], across[0])
            self._limit("x", 0.0, most)
        else:
            self._limit("x", across[0], across[1])
            self._limit("y", 0.0, most)
        axis = self.axes.yaxis if self.lying else self.axes.xaxis
        axis.set_major_locator(FixedLocator(list(range(len(names)))))
        axis.set_major_formatter(FixedFormatter(list(names)))
        axis.grid(False)

    def _histogram(self) -> None:
        (name,) = self.table.series
        values = self.table.values[:, 0]
        low, high = float(values.min()), float(values.max())
        edges = np.round(np.linspace(low, high + 0.001, self.params["rows"] + 1), 3)
        counts, _ = np.histogram(values, edges)
        bars = self.axes.bar(
            edges[:-1],
            counts,
            np.diff(edges),
            align="edge",
            color=self.colors[0],
            edgecolor="white",
            linewidth=0.8,
        )
        for k, bar in enumerate(bars):
            given = {"series": name, "row": k, "value": int(counts[k]), "base": 0.0}
            self._tag(bar, "bar", **given, edges=edges[k : k + 2].tolist())
        self._limit("x", low - 0.03 * (high - low), high + 0.03 * (high - low))
        self._limit("y", 0.0, 1.08 * float(counts.max()))

    def _box(self) -> None:
        for k, name in enumerate(self.table.series):
            values = self.table.values[:, k]
            parts = self.axes.boxplot(
                [values],
                positions=[k],
                widths=0.5,
                patch_artist=True,
                manage_ticks=False,
                medianprops={"color": "black"},
            )
            five = np.percentile(values, (25, 50, 75)).tolist()
            ends = [float(cap.get_ydata()[0]) for cap in parts["caps"]]
            fliers = np.sort(parts["fliers"][0].get_ydata()).tolist()
            given = {"quartiles": five, "whiskers": ends, "fliers": fliers}
            gid = f"box:{len(self.meanings)}"
            self.meanings[gid] = "box", {"series": name, **given}
            for part in itertools.chain.from_iterable(parts.values()):
                part.set_gid(gid)
                part.set_clip_on(False)
            for patch in parts["boxes"]:
                patch.set_facecolor(self.colors[k % len(self.colors)])
            for level, artists in enumerate(parts.values()):  # so that a box is drawn in one go
                for artist in artists:
                    artist.set_zorder(5.0 + k + 0.01 * level)
        low, high = float(self.table.values.min()), float(self.table.values.max())
        self._categories(self.table.series, high)
        self._limit("y", low - 0.08 * (high - low), high + 0.08 * (high - low))

    def _pie(self) -> None:
        values = self.table.values[:, 0]
        colors = [self.colors[k % len(self.colors)] for k in range(len(values))]
        wedges, *_ = self.axes.pie(
            values, colors=colors, startangle=90.0, wedgeprops={"edgecolor": "white"}
        )
        shares = np.round(100.0 * values / values.sum(), 1).tolist()
        for row, wedge in enumerate(wedges):
            wedge.set_label(f"{self._name(row)}")
            given = {"row": self._name(row), "value": float(values[row]), "share": shares[row]}
            self._tag(wedge, "wedge", **given)
            middle = np.radians((wedge.theta1 + wedge.theta2) / 2.0)
            if shares[row] >= 6.0:
                text = self.axes.text(
                    0.68 * np.cos(middle),
                    0.68 * np.sin(middle),
                    f"{shares[row]:g}%" if self._has("%") else f"{shares[row]:g}",
                    ha="center",
                    va="center",
                    fontsize=self.size,
                )
                self._tag(text, "text", role="share", row=self._name(row))

    def _has(self, characters: str) -> bool:
        return not fonts.missing(fonts.font_files(None)[self.params["font"]], characters)

    def _decorate(self) -> None:
        """Title, labels, ticks and legend."""
        axes, table, em = self.axes, self.table, self.size
        self._tag(
            axes.set_title(table.title, fontsize=1.2 * em, pad=0.6 * em), "text", role="title"
        )
        if self.params["kind"] != "pie":
            words = (table.x_label, table.y_label)[:: -1 if self.lying else 1]
            for name, word in zip("xy", words, strict=True):
                label = getattr(axes, f"set_{name}label")(word, fontsize=em, labelpad=0.4 * em)
                self._tag(label, "text", role=f"{name}_label")
                self._ticks(name)
        handles, names = axes.get_legend_handles_labels()
        if self.params["kind"] == "pie":
            place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        elif len(names) > 1:
            place = {"loc": "upper right" if self.lying else "upper left"}
        else:
            return
        legend = axes.legend(handles, names, fontsize=0.9 * em, **place)
        legend.set_zorder(50.0)
        self._tag(legend, "legend", names=list(names))
        for text, name in zip(legend.get_texts(), names, strict=True):
            self._tag(text, "text", role="legend", series=name)

    def _ticks(self, name: str) -> None:
        axis = getattr(self.axes, f"{name}axis")
        low, high = sorted(getattr(self.axes, f"get_{name}lim")())
        if isinstance(axis.get_major_locator(), FixedLocator):
            values, texts = axis.get_major_locator().locs, axis.get_major_formatter().seq
        else:
            log = axis.get_scale() == "log"
            locator = LogLocator() if log else MaxNLocator(6)
            if log:
                locator.set_axis(axis)
            values = [v for v in locator.tick_values(low, high) if low <= v <= high]
            if log and len(values) < 2:
                values = [v for v in MaxNLocator(4).tick_values(low, high) if low <= v <= high]
            texts = [ticks_text(float(v)) for v in values]
            axis.set_major_locator(FixedLocator(values))
            axis.set_major_formatter(FixedFormatter(texts))
        axis.set_minor_locator(FixedLocator([]))
        self.axes.tick_params(name, labelsize=0.9 * self.size, pad=0.25 * self.size)
        for tick, value in zip(axis.get_major_ticks(len(values)), values, strict=True):
            self._tag(tick.label1, "text", role=f"{name}_tick", value=float(value))
            if self.turned and name == "x":
                tick.label1.set(rotation=_TURN, ha="right", va="top", rotation_mode="anchor")
        self.drawn[name] = [float(v) for v in values]

    def _axis(self, name: str) -> dict[str, Any]:
        axis = getattr(self.axes, f"{name}axis")
        low, high = getattr(self.axes, f"get_{name}lim")()
        texts = list(axis.get_major_formatter().seq)
        named = self.params["kind"] not in ("line", "scatter", "histogram")
        is_names = named and (name == "y") == self.lying
        return {
            "range": [float(low), float(high)],
            "scale": "names" if is_names else axis.get_scale(),
            "ticks": self.drawn[name],
            "tick_texts": texts,
        }

    def _assembled(self, items: Sequence[Item]) -> list[Mark]:
        parts: dict[str, Item] = {}
        panel = list[Layer]()
        for item in items:
            if item.gid not in self.meanings:
                panel += item.layers
            elif item.gid in parts:  # a legend, whose texts are drawn between its lines
                parts[item.gid].layers.extend(item.layers)
            else:
                parts[item.gid] = item
        marks = [self._chart(panel)]
        for gid, item in parts.items():
            category, params = self.meanings[gid]
            marks.append(mark_of(item, category, {"kind": self.params["kind"], **params}))
        return marks

    def _chart(self, layers: list[Layer]) -> Mark:
        """The panel with all lines of the axes, and what the chart is about."""
        box = self.axes.get_window_extent().extents
        x0, y0, x1, y1 = box[0], self.height - box[3], box[2], self.height - box[1]
        table = self.table
        names = [*(["row"] if table.rows else []), *table.series]
        values = table.values.tolist()
        rows = [[table.rows[k], *row] if table.rows else row for k, row in enumerate(values)]
        params: dict[str, Any] = {
            "kind": self.params["kind"],
            "title": table.title,
            "columns": names,
            "rows": rows,
            **{k: self.params[k] for k in ("look", "font", "size")},
        }
        if self.params["kind"] != "pie":
            params["x_label"], params["y_label"] = (
                (table.y_label, table.x_label) if self.lying else (table.x_label, table.y_label)
            )
            params |= {"horizontal": self.lying}
            for name in "xy":
                axis = self._axis(name)
                params |= {f"{name}_{key}": value for key, value in axis.items()}
        corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        points: list[KeyPoint] = [
            (f"corner_{k}", float(x), float(y)) for k, (x, y) in enumerate(corners)
        ]
        if not layers:  # a pie has no panel: then its place is all that there is of it
            layers = [Layer(*geometry.polyline(corners, closed=True), _NOTHING)]
        mark = mark_of(Item("", layers, None), "chart", params)
        return mark._replace(keypoints=tuple(points))
