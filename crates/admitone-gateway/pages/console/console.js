// page/api.ts
var SignedOut = class extends Error {
	constructor() {
		super("Sign in first.");
	}
};
async function get(path) {
	return answer(await asked(path, { headers: { accept: "application/json" } }));
}
async function post(path, body) {
	return answer(await asked(path, {
		method: "POST",
		headers: {
			accept: "application/json",
			"content-type": "application/json"
		},
		body: JSON.stringify(body)
	}));
}
async function isSignedIn() {
	const { signed_in } = await get("login");
	return signed_in === true;
}
async function signIn(secret) {
	const told = await asked("login", {
		method: "POST",
		headers: {
			accept: "application/json",
			"content-type": "application/json"
		},
		body: JSON.stringify({ secret })
	});
	if (told.status === 401) throw new Error("That is not the operators’ secret.");
	await answer(told);
}
async function signOut() {
	await answer(await asked("logout", { method: "POST" }));
}
async function asked(path, init) {
	try {
		return await fetch(path, init);
	} catch {
		throw new Error("The gateway does not answer.");
	}
}
async function answer(response) {
	if (response.status === 401) throw new SignedOut();
	const text = await response.text();
	if (response.ok) return text === "" ? void 0 : JSON.parse(text);
	throw new Error(problem(response.status, text));
}
function problem(status, text) {
	try {
		const { title, detail, errors } = JSON.parse(text);
		const faults = Array.isArray(errors) ? errors.map(({ field, detail }) => `${field}: ${detail}.`) : [];
		return [
			title,
			detail === void 0 ? void 0 : `${sentence(String(detail))}`,
			...faults
		].filter((part) => part !== void 0 && part !== "").join(" ");
	} catch {
		return `The gateway answered with status ${status}.`;
	}
}
function sentence(text) {
	const capital = text.charAt(0).toUpperCase() + text.slice(1);
	return capital.endsWith(".") ? capital : `${capital}.`;
}
// ../demo/page/element.ts
function element(tag, attributes = {}, ...children) {
	const made = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
	made.append(...children);
	return made;
}
function byId(id, kind) {
	const found = document.getElementById(id);
	if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} with the id "${id}"`);
	return found;
}
// page/dom.ts
function drawn(tag, attributes = {}, ...children) {
	const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
	made.append(...children);
	return made;
}
function button(label, attributes, act) {
	const made = element("button", {
		type: "button",
		...attributes
	}, label);
	made.addEventListener("click", act);
	return made;
}
function pill(text, tone) {
	return element("span", {
		class: "pill",
		"data-tone": tone
	}, text);
}
// page/words.ts
function count(value) {
	return Math.round(value).toLocaleString("en");
}
function rate(value) {
	if (Number.isInteger(value) || value >= 9.95) return count(value);
	return value < .1 ? "<0.1" : value.toFixed(1);
}
function milliseconds(value) {
	if (value === void 0) return "–";
	if (value === 0) return "0";
	if (value < 1) return `${figures$1(value * 1e3)} µs`;
	if (value < 1e3) return `${figures$1(value)} ms`;
	return `${figures$1(value / 1e3)} s`;
}
function figures$1(value) {
	return value >= 9.95 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}
const UNITS = [
	[86400, "d"],
	[3600, "h"],
	[60, "min"],
	[1, "s"]
];
function duration(seconds) {
	const whole = Math.max(0, Math.round(seconds));
	const first = UNITS.findIndex(([size]) => whole >= size);
	const [size, name] = UNITS[first] ?? [1, "s"];
	const next = UNITS[first + 1];
	const rest = next === void 0 ? 0 : Math.floor(whole % size / next[0]);
	const told = `${Math.floor(whole / size)} ${name}`;
	return next === void 0 || rest === 0 ? told : `${told} ${rest} ${next[1]}`;
}
function clock(date) {
	return date.toLocaleTimeString(void 0, { hour12: false });
}
function moment(at, today = new Date()) {
	const date = new Date(at * 1e3);
	const time = clock(date);
	return date.toDateString() === today.toDateString() ? time : `${date.toLocaleDateString()}, ${time}`;
}
function spoken(word) {
	return word.replaceAll("_", " ");
}
function shortNode(node) {
	const cut = node.lastIndexOf("-");
	return cut < 0 ? node : `${node.slice(0, cut)} · ${node.slice(cut + 1, cut + 5)}`;
}
function counted(number, thing) {
	return `${count(number)} ${thing}${number === 1 ? "" : "s"}`;
}
// page/audit-list.ts
const MOST_LINES = 200;
const TONES$1 = {
	ticket_minted: "quiet",
	session_opened: "good",
	session_renewed: "good",
	request_verified: "good",
	refused: "busy",
	admin_refused: "bad",
	ticket_replayed: "bad",
	lines_lost: "bad",
	guard_tripped: "bad",
	rollout_changed: "busy",
	revoked: "busy",
	closed: "busy",
	drain_ordered: "busy",
	draining: "busy"
};
const COUNTED$1 = {
	guard_tripped: "failed ticket",
	lines_lost: "line"
};
function readLine(text) {
	try {
		const { time, event, node: _, ...rest } = JSON.parse(text);
		const fields = Object.entries(rest).map(([name, value]) => [name, String(value)]);
		return {
			text,
			event: String(event),
			time: new Date(String(time)),
			fields
		};
	} catch {
		return {
			text,
			event: "unreadable",
			time: new Date(NaN),
			fields: [["line", text]]
		};
	}
}
function gist({ event, fields }) {
	const of = new Map(fields);
	const lasted = of.get("duration_ms");
	return [
		of.get("subject"),
		of.get("route"),
		of.get("cause") ?? of.get("code") ?? of.get("mark"),
		lasted === void 0 ? void 0 : `after ${duration(Number(lasted) / 1e3)}`,
		of.get("method") === void 0 ? void 0 : `by ${of.get("method")}`,
		of.has("count") ? counted(Number(of.get("count")), COUNTED$1[event] ?? "connection") : void 0,
		of.has("percent") ? `${of.get("percent_before")} % → ${of.get("percent")} %` : void 0
	].filter((part) => part !== void 0).join(" · ");
}
var AuditList = class {
	#list;
	#filter;
	#pause;
	#seen = new Set();
	#waiting = [];
	#isPaused = false;
	constructor(list, filter, pause) {
		this.#list = list;
		this.#filter = filter;
		this.#pause = pause;
		filter.addEventListener("input", () => this.#applyFilter());
		pause.addEventListener("click", () => this.#hold(!this.#isPaused));
	}
	add(text) {
		if (this.#seen.has(text)) return;
		this.#seen.add(text);
		if (this.#isPaused) {
			this.#waiting.push(text);
			this.#pause.textContent = `Go on (${this.#waiting.length} new)`;
		} else this.#show(text);
	}
	clear() {
		this.#seen.clear();
		this.#waiting = [];
		this.#list.replaceChildren();
		this.#hold(false);
	}
	#hold(isPaused) {
		this.#isPaused = isPaused;
		this.#pause.textContent = isPaused ? "Go on" : "Hold still";
		this.#pause.setAttribute("aria-pressed", String(isPaused));
		if (!isPaused) for (const text of this.#waiting.splice(0)) this.#show(text);
	}
	#show(text) {
		this.#list.prepend(this.#row(readLine(text)));
		while (this.#list.childElementCount > MOST_LINES) {
			const last = this.#list.lastElementChild;
			this.#seen.delete(last.dataset.line ?? "");
			last.remove();
		}
	}
	#row(line) {
		const summary = element("summary", {}, element("time", {}, Number.isNaN(line.time.getTime()) ? "" : clock(line.time)));
		const tone = TONES$1[line.event] ?? "quiet";
		summary.append(pill(spoken(line.event), tone), element("span", { class: "gist" }, gist(line)));
		const details = element("details", {}, summary, element("dl", { class: "facts" }, ...line.fields.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])));
		const row = element("li", {
			"data-line": line.text,
			"data-event": line.event
		}, details);
		row.hidden = !this.#matches(line.text);
		return row;
	}
	#applyFilter() {
		for (const row of this.#list.children) if (row instanceof HTMLElement) row.hidden = !this.#matches(row.dataset.line ?? "");
	}
	#matches(text) {
		const line = text.toLowerCase();
		return this.#filter.value.toLowerCase().split(/\s+/).every((word) => line.includes(word));
	}
};
// page/summary.ts
const KINDS = [
	"mints",
	"redeems",
	"admissions",
	"refusals",
	"ended"
];
const OPERATIONS = [
	"mint",
	"handshake",
	"put",
	"take"
];
function readNodes(json) {
	const told = object(json);
	return {
		here: text(told.here),
		isWhole: told.is_whole === true,
		boundsMicros: numbers(told.bounds_micros),
		nodes: Array.isArray(told.nodes) ? told.nodes.map(readSummary) : []
	};
}
function readSummary(json) {
	const told = object(json);
	const store = object(told.store);
	const latencies = object(told.latencies);
	return {
		node: text(told.node),
		version: text(told.version),
		at: number(told.at),
		uptimeSeconds: number(told.uptime_seconds),
		status: text(told.status),
		store: {
			kind: text(store.kind),
			answers: store.answers === true
		},
		mirrorAgeSeconds: typeof told.mirror_age_seconds === "number" ? told.mirror_age_seconds : void 0,
		sessions: byWord(told.sessions),
		counts: forEach(KINDS, (kind) => byWord(told[kind])),
		latencies: forEach(OPERATIONS, (operation) => numbers(latencies[operation]))
	};
}
function forEach(names, value) {
	return Object.fromEntries(names.map((name) => [name, value(name)]));
}
function object(json) {
	return typeof json === "object" && json !== null ? json : {};
}
function text(json) {
	return typeof json === "string" ? json : "";
}
function number(json) {
	return typeof json === "number" && Number.isFinite(json) ? json : 0;
}
function numbers(json) {
	return Array.isArray(json) ? json.map(number) : [];
}
function byWord(json) {
	return Object.fromEntries(Object.entries(object(json)).map(([word, count]) => [word, number(count)]));
}
// page/history.ts
const MOST_MOMENTS = 600;
const GAP_MS = 4e3;
var History = class {
	#moments = [];
	#last = new Map();
	#lastAt;
	#totals = new Map();
	#step = 1;
	get moments() {
		return this.#moments;
	}
	add(told, now) {
		const afterGap = this.#lastAt !== void 0 && now - this.#lastAt > GAP_MS;
		const seconds = this.#lastAt === void 0 ? 1 : Math.max((now - this.#lastAt) / 1e3, .001);
		const nodes = new Map();
		for (const summary of told.nodes) nodes.set(summary.node, this.#since(summary));
		this.#lastAt = now;
		this.#put({
			at: now,
			seconds,
			nodes,
			afterGap
		});
	}
	totals(kind, nodes) {
		return nodes.reduce((sum, node) => added(sum, this.#totals.get(node)?.[kind] ?? {}), {});
	}
	#since(summary) {
		const before = this.#last.get(summary.node);
		this.#last.set(summary.node, summary);
		const figures = {
			sessions: summary.sessions,
			counts: forEach(KINDS, (kind) => before === void 0 ? {} : subtracted(summary.counts[kind], before.counts[kind])),
			latencies: forEach(OPERATIONS, (operation) => before === void 0 ? [] : differences(summary.latencies[operation], before.latencies[operation]))
		};
		const totals = this.#totals.get(summary.node) ?? forEach(KINDS, () => ({}));
		this.#totals.set(summary.node, forEach(KINDS, (kind) => added(totals[kind], figures.counts[kind])));
		return figures;
	}
	#put(moment) {
		const last = this.#moments.at(-1);
		if (last !== void 0 && last.seconds + moment.seconds <= this.#step + .5 && !moment.afterGap) this.#moments[this.#moments.length - 1] = joined(last, moment);
		else this.#moments.push(moment);
		if (this.#moments.length >= MOST_MOMENTS) this.#thin();
	}
	#thin() {
		const pairs = [];
		for (const moment of this.#moments) {
			const last = pairs.at(-1);
			if (last !== void 0 && last.seconds <= this.#step + .5 && !moment.afterGap) pairs[pairs.length - 1] = joined(last, moment);
			else pairs.push(moment);
		}
		this.#moments = pairs;
		this.#step *= 2;
	}
};
function joined(one, next) {
	const nodes = new Map(next.nodes);
	for (const [node, before] of one.nodes) {
		const after = next.nodes.get(node);
		nodes.set(node, after === void 0 ? {
			...before,
			sessions: {}
		} : together(before, after));
	}
	return {
		at: next.at,
		seconds: one.seconds + next.seconds,
		nodes,
		afterGap: one.afterGap
	};
}
function together(before, after) {
	return {
		sessions: after.sessions,
		counts: forEach(KINDS, (kind) => added(before.counts[kind], after.counts[kind])),
		latencies: forEach(OPERATIONS, (name) => sums(before.latencies[name], after.latencies[name]))
	};
}
function added(one, other) {
	const sum = { ...one };
	for (const [word, count] of Object.entries(other)) sum[word] = (sum[word] ?? 0) + count;
	return sum;
}
function subtracted(now, before) {
	const since = {};
	for (const [word, count] of Object.entries(now)) {
		const grown = count >= (before[word] ?? 0) ? count - (before[word] ?? 0) : count;
		if (grown > 0) since[word] = grown;
	}
	return since;
}
function differences(now, before) {
	return now.map((count, at) => count >= (before[at] ?? 0) ? count - (before[at] ?? 0) : count);
}
function sums(one, other) {
	return (one.length >= other.length ? one : other).map((_, at) => (one[at] ?? 0) + (other[at] ?? 0));
}
// page/scale.ts
function ticks(highest, whole = false) {
	if (highest <= 0) return [0, 1];
	const power = 10 ** Math.floor(Math.log10(highest));
	const top = [
		1,
		2,
		4,
		5,
		10
	].map((factor) => factor * power).find((value) => value >= highest) ?? highest;
	return whole && !Number.isInteger(top / 2) ? [0, Math.ceil(top)] : [
		0,
		top / 2,
		top
	];
}
function places(moments, { left, right }) {
	const [first, last] = [moments[0], moments.at(-1)];
	if (first === void 0 || last === void 0) return [];
	const begin = first.at - first.seconds * 1e3;
	const span = Math.max(last.at - begin, 1);
	return moments.map(({ at }) => left + (at - begin) / span * (right - left));
}
function path(points) {
	return runs(points).map((run) => `M${run.map(written).join("L")}${run.length === 1 ? "h0.01" : ""}`).join("");
}
function above(points, below) {
	return runs(points).map((run) => {
		const first = points.indexOf(run[0]);
		const edge = below.slice(first, first + run.length).reverse();
		return `M${run.map(written).join("L")}L${edge.map(written).join("L")}Z`;
	}).join("");
}
function runs(points) {
	const all = [];
	let last;
	for (const point of points) {
		if (point.y === void 0) {
			last = void 0;
			continue;
		}
		if (last === void 0 || point.afterGap) {
			last = [];
			all.push(last);
		}
		last.push(point);
	}
	return all;
}
function written({ x, y }) {
	return `${x.toFixed(1)},${(y ?? 0).toFixed(1)}`;
}
// page/plot.ts
const HEIGHT = 132;
const MARGIN = {
	top: 8,
	right: 4,
	bottom: 18,
	left: 46
};
var Plot = class {
	element;
	#picture = drawn("svg", {
		class: "plot",
		height: HEIGHT,
		tabindex: 0,
		role: "img",
		"aria-description": "The arrow keys go back in time."
	});
	#said = element("p", {
		class: "visually-hidden",
		role: "status"
	});
	#legend = element("tbody");
	#when = element("th", { scope: "col" }, "now");
	#manner;
	#drawing = {
		moments: [],
		series: []
	};
	#chosen;
	#width = 0;
	constructor(name, manner) {
		this.#manner = manner;
		const title = element("h3", {}, manner.title);
		const head = element("tr", {}, element("td"), this.#when);
		if (manner.totals !== void 0) head.append(element("th", { scope: "col" }, manner.totals));
		const legend = element("table", { class: "legend" }, element("thead", {}, head), this.#legend);
		this.element = element("section", {
			class: "card figure",
			id: `plot-${name}`
		});
		this.element.append(element("div", { class: "figure-head" }, title, element("p", { class: "quiet" }, manner.unit)), this.#picture, legend, this.#said);
		this.#listen();
	}
	show(drawing) {
		this.#drawing = drawing;
		this.#draw();
	}
	#listen() {
		new ResizeObserver(([entry]) => {
			const width = Math.floor(entry?.contentRect.width ?? 0);
			if (width === this.#width) return;
			this.#width = width;
			this.#draw();
		}).observe(this.#picture);
		this.#picture.addEventListener("pointermove", (event) => this.#choose(this.#momentAt(event.offsetX)));
		this.#picture.addEventListener("pointerleave", () => this.#choose(void 0));
		this.#picture.addEventListener("blur", () => this.#choose(void 0));
		this.#picture.addEventListener("keydown", (event) => {
			const step = event.key === "ArrowLeft" ? 1 : event.key === "ArrowRight" ? -1 : 0;
			if (step === 0) return;
			event.preventDefault();
			this.#choose(Math.min(Math.max((this.#chosen ?? 0) + step, 0), this.#drawing.moments.length - 1));
			this.#said.textContent = this.#inWords();
		});
	}
	#choose(chosen) {
		this.#chosen = chosen;
		this.#draw();
	}
	#momentAt(x) {
		const { moments } = this.#drawing;
		const last = moments.length - 1;
		const xs = places(moments, this.#frame());
		let nearest = last;
		for (const [at, place] of xs.entries()) if (Math.abs(place - x) < Math.abs((xs[nearest] ?? 0) - x)) nearest = at;
		return last < 0 ? void 0 : last - nearest;
	}
	#frame() {
		return {
			left: MARGIN.left,
			right: this.#width - MARGIN.right
		};
	}
	#draw() {
		const { moments, series } = this.#drawing;
		this.#showLegend();
		if (this.#width <= MARGIN.left + MARGIN.right) return;
		const tops = this.#manner.form === "areas" ? stacked(series, moments.length) : series.map(({ values }) => values);
		const grid = ticks(Math.max(0, ...tops.flat().filter((value) => value !== void 0)), this.#manner.whole);
		const y = (value) => HEIGHT - MARGIN.bottom - value / (grid.at(-1) ?? 1) * (HEIGHT - MARGIN.top - MARGIN.bottom);
		const parts = grid.flatMap((value) => this.#gridLine(value, y(value)));
		const xs = places(moments, this.#frame());
		const shapes = series.map(({ colour }, at) => {
			const points = pointsOf(tops[at] ?? [], xs, moments, y);
			const below = pointsOf(at === 0 ? moments.map(() => 0) : tops[at - 1] ?? [], xs, moments, y);
			return this.#manner.form === "areas" ? drawn("path", {
				class: `area series-${colour}`,
				d: above(points, below)
			}) : drawn("path", {
				class: `line series-${colour}`,
				d: path(points)
			});
		});
		parts.push(...shapes, ...this.#axis());
		const chosen = this.#chosen === void 0 ? void 0 : xs.at(-1 - this.#chosen);
		if (chosen !== void 0) parts.push(drawn("line", {
			class: "rule",
			x1: chosen,
			x2: chosen,
			y1: MARGIN.top,
			y2: HEIGHT - MARGIN.bottom
		}));
		this.#picture.setAttribute("aria-label", this.#inWords());
		this.#picture.replaceChildren(...parts);
	}
	#gridLine(value, y) {
		const { left, right } = this.#frame();
		return [drawn("line", {
			class: "grid",
			x1: left,
			x2: right,
			y1: y,
			y2: y
		}), drawn("text", {
			class: "tick",
			x: left - 6,
			y: y + 4,
			"text-anchor": "end"
		}, this.#manner.value(value))];
	}
	#axis() {
		const { left, right } = this.#frame();
		const { moments } = this.#drawing;
		const [first, last] = [moments[0], moments.at(-1)];
		if (first === void 0 || last === void 0) return [];
		const ago = duration((last.at - first.at) / 1e3 + first.seconds);
		const y = 128;
		return [drawn("text", {
			class: "tick",
			x: left,
			y
		}, `${ago} ago`), drawn("text", {
			class: "tick",
			x: right,
			y,
			"text-anchor": "end"
		}, "now")];
	}
	#showLegend() {
		this.#when.textContent = this.#ago();
		this.#legend.replaceChildren(...this.#drawing.series.map((one) => this.#legendRow(one, this.#at())));
	}
	#legendRow({ word, label, colour, values, total }, at) {
		const swatch = element("span", {
			class: `swatch series-${colour}`,
			"aria-hidden": "true"
		});
		const row = element("tr", { "data-word": word });
		row.append(element("th", { scope: "row" }, swatch, label), element("td", {}, this.#manner.value(values[at])));
		if (this.#manner.totals !== void 0) row.append(element("td", { class: "total" }, this.#manner.total?.(total ?? 0) ?? ""));
		return row;
	}
	#at() {
		return this.#drawing.moments.length - 1 - (this.#chosen ?? 0);
	}
	#ago() {
		const { moments } = this.#drawing;
		const ms = (moments.at(-1)?.at ?? 0) - (moments[this.#at()]?.at ?? 0);
		return this.#chosen ? `${duration(ms / 1e3)} ago` : "now";
	}
	#inWords() {
		const { title, value, unit } = this.#manner;
		const told = this.#drawing.series.map(({ label, values }) => `${label} ${value(values[this.#at()])}`);
		return `${title}, ${unit}, ${this.#ago()}: ${told.join(", ") || "nothing"}`;
	}
};
function stacked(series, moments) {
	let edge = Array.from({ length: moments }, () => 0);
	return series.map(({ values }) => {
		edge = edge.map((value, at) => value + (values[at] ?? 0));
		return edge;
	});
}
function pointsOf(values, xs, moments, y) {
	return values.map((value, at) => ({
		x: xs[at] ?? 0,
		y: value === void 0 ? void 0 : y(value),
		afterGap: moments[at]?.afterGap ?? false
	}));
}
// page/quantile.ts
function quantile(share, counts, boundsMicros) {
	const total = counts.reduce((sum, count) => sum + count, 0);
	if (total === 0) return void 0;
	let rank = share * total;
	for (const [at, count] of counts.entries()) {
		const end = boundsMicros[at];
		if (end === void 0) break;
		if (rank <= count && count > 0) {
			const start = at === 0 ? 0 : boundsMicros[at - 1] ?? 0;
			return (start + (end - start) * rank / count) / 1e3;
		}
		rank -= count;
	}
	return (boundsMicros.at(-1) ?? 0) / 1e3;
}
// page/series.ts
const COLOURS = {
	minted: 1,
	admitted: 1,
	ticket: 1,
	jwt: 2,
	tickets_disabled: 2,
	not_logged_in: 3,
	replayed: 3,
	expired: 2,
	forged: 5,
	revoked: 4,
	store_unavailable: 5,
	over_limit: 6,
	ticket_not_accepted: 2,
	origin_not_allowed: 4,
	forbidden: 8,
	upstream_unavailable: 7
};
const PALETTE = 8;
const MOST_SERIES = 7;
const LATENCY_WINDOW = 10;
function rates(history, nodes, kind, always) {
	const { moments } = history;
	const totals = history.totals(kind, nodes);
	const words = ordered(always, totals);
	const of = (word) => moments.map((moment) => over(moment, nodes, (figures) => figures.counts[kind][word] ?? 0) / moment.seconds);
	return {
		moments,
		series: coloured(words, of, (word) => totals[word] ?? 0)
	};
}
function sessions(history, nodes) {
	const { moments } = history;
	const last = moments.at(-1);
	const routes = new Set(nodes.flatMap((node) => Object.keys(last?.nodes.get(node)?.sessions ?? {})));
	const now = Object.fromEntries([...routes].sort().map((route) => [route, last ? over(last, nodes, ({ sessions }) => sessions[route] ?? 0) : 0]));
	const of = (route) => moments.map((moment) => over(moment, nodes, (figures) => figures.sessions[route] ?? 0));
	return {
		moments,
		series: coloured(ordered([], now, true), of)
	};
}
function latencies(history, nodes, wanted, boundsMicros) {
	const { moments } = history;
	return {
		moments,
		series: wanted.map(({ operation, share, label }, at) => ({
			word: label,
			label,
			colour: at + 1,
			values: moments.map((_, end) => quantile(share, recent(moments, end, nodes, operation), boundsMicros))
		}))
	};
}
function recent(moments, end, nodes, operation) {
	let counts = [];
	let seconds = 0;
	for (let at = end; at >= 0 && seconds < LATENCY_WINDOW; at -= 1) {
		const moment = moments[at];
		if (moment === void 0) break;
		for (const node of nodes) counts = sums(counts, moment.nodes.get(node)?.latencies[operation] ?? []);
		seconds += moment.seconds;
	}
	return counts;
}
function over(moment, nodes, value) {
	return nodes.reduce((sum, node) => {
		const figures = moment.nodes.get(node);
		return figures === void 0 ? sum : sum + value(figures);
	}, 0);
}
function ordered(always, sizes, withZeros = false) {
	const others = Object.entries(sizes).filter(([word, size]) => (withZeros || size > 0) && !always.includes(word));
	return [...always, ...others.sort(([, one], [, other]) => other - one).map(([word]) => word)];
}
function coloured(words, values, total) {
	const taken = new Set(words.slice(0, MOST_SERIES).map((word) => COLOURS[word]));
	const free = Array.from({ length: PALETTE }, (_, at) => at + 1).filter((colour) => !taken.has(colour));
	const used = new Set();
	const colourOf = (word) => {
		const own = COLOURS[word];
		const colour = own !== void 0 && !used.has(own) ? own : free.shift() ?? PALETTE;
		used.add(colour);
		return colour;
	};
	const one = (word, label, values, total) => ({
		word,
		label,
		colour: colourOf(word),
		values,
		...total === void 0 ? {} : { total }
	});
	const shown = words.slice(0, words.length > MOST_SERIES ? 6 : MOST_SERIES);
	const rest = words.slice(shown.length);
	const series = shown.map((word) => one(word, spoken(word), values(word), total?.(word)));
	if (rest.length === 0) return series;
	const together = rest.map(values).reduce((sum, next) => sum.map((value, at) => value + (next[at] ?? 0)));
	const restTotal = total === void 0 ? void 0 : rest.reduce((sum, word) => sum + total(word), 0);
	return [...series, one("others", `${rest.length} others`, together, restTotal)];
}
// page/tiles.ts
const SIZE = {
	width: 120,
	height: 28
};
var Tile = class {
	element;
	#value = element("p", { class: "tile-value" }, "–");
	#line = drawn("svg", {
		class: "spark",
		viewBox: `0 0 ${SIZE.width} ${SIZE.height}`,
		preserveAspectRatio: "none",
		"aria-hidden": "true"
	});
	constructor(name, label, tone) {
		this.#line.classList.add(`series-${tone}`);
		this.element = element("div", {
			class: "tile",
			id: `tile-${name}`
		});
		this.element.append(element("p", { class: "tile-label" }, label), this.#value, this.#line);
	}
	show(value, drawing) {
		this.#value.textContent = value;
		const moments = drawing.moments.slice(-120);
		const sums = moments.map((_, at) => {
			const known = drawing.series.map(({ values }) => values[values.length - moments.length + at]).filter((value) => value !== void 0);
			return known.length === 0 ? void 0 : known.reduce((sum, value) => sum + value, 0);
		});
		const highest = Math.max(0, ...sums.filter((sum) => sum !== void 0)) || 1;
		const xs = places(moments, {
			left: 0,
			right: SIZE.width
		});
		const points = sums.map((sum, at) => ({
			x: xs[at] ?? 0,
			y: sum === void 0 ? void 0 : SIZE.height - 1 - sum / highest * (SIZE.height - 3),
			afterGap: moments[at]?.afterGap ?? false
		}));
		const floor = points.map(({ x, afterGap }) => ({
			x,
			y: SIZE.height,
			afterGap
		}));
		this.#line.replaceChildren(drawn("path", {
			class: "area",
			d: above(points, floor)
		}));
	}
};
// page/figures.ts
const COUNTED = {
	unit: "per second",
	form: "areas",
	value: (value) => rate(value ?? 0),
	totals: "in all",
	total: count
};
const TIMED = [
	{
		operation: "mint",
		share: .5,
		label: "mint p50"
	},
	{
		operation: "mint",
		share: .99,
		label: "mint p99"
	},
	{
		operation: "handshake",
		share: .5,
		label: "handshake p50"
	},
	{
		operation: "handshake",
		share: .99,
		label: "handshake p99"
	},
	{
		operation: "take",
		share: .99,
		label: "the store’s redemption p99"
	}
];
var Figures = class {
	#history = new History();
	#tiles = {
		sessions: new Tile("sessions", "Live connections", 7),
		mints: new Tile("mints", "Tickets minted / s", 1),
		admissions: new Tile("admissions", "Admitted / s", 1),
		refusals: new Tile("refusals", "Refused / s", 5),
		handshake: new Tile("handshake", "Handshake p99", 3),
		mint: new Tile("mint", "Mint p99", 3)
	};
	#plots = {
		mints: new Plot("mints", {
			title: "Mint requests",
			...COUNTED
		}),
		redeems: new Plot("redeems", {
			title: "Tickets presented",
			...COUNTED
		}),
		admissions: new Plot("admissions", {
			title: "Methods in use",
			...COUNTED
		}),
		refusals: new Plot("refusals", {
			title: "Refusals by reason",
			...COUNTED
		}),
		sessions: new Plot("sessions", {
			title: "Live connections",
			unit: "by route",
			form: "areas",
			whole: true,
			value: (value) => count(value ?? 0)
		}),
		latencies: new Plot("latencies", {
			title: "Latencies",
			unit: "over ten seconds",
			form: "lines",
			value: milliseconds
		})
	};
	constructor(tiles, plots) {
		tiles.replaceChildren(...Object.values(this.#tiles).map(({ element }) => element));
		plots.replaceChildren(...Object.values(this.#plots).map(({ element }) => element));
	}
	add(told, now) {
		this.#history.add(told, now);
	}
	clear() {
		this.#history = new History();
	}
	draw(nodes, boundsMicros) {
		const history = this.#history;
		const drawings = {
			mints: rates(history, nodes, "mints", ["minted"]),
			redeems: rates(history, nodes, "redeems", ["admitted"]),
			admissions: rates(history, nodes, "admissions", ["ticket", "jwt"]),
			refusals: rates(history, nodes, "refusals", []),
			sessions: sessions(history, nodes),
			latencies: latencies(history, nodes, TIMED, boundsMicros)
		};
		for (const name of [
			"mints",
			"redeems",
			"admissions",
			"refusals",
			"sessions",
			"latencies"
		]) this.#plots[name].show(drawings[name]);
		const now = (name) => drawings[name].series.reduce((sum, { values }) => sum + (values.at(-1) ?? 0), 0);
		this.#tiles.sessions.show(count(now("sessions")), drawings.sessions);
		const minted = drawings.mints.series.filter(({ word }) => word === "minted");
		this.#tiles.mints.show(rate(minted[0]?.values.at(-1) ?? 0), {
			...drawings.mints,
			series: minted
		});
		this.#tiles.admissions.show(rate(now("admissions")), drawings.admissions);
		this.#tiles.refusals.show(rate(now("refusals")), drawings.refusals);
		for (const operation of ["handshake", "mint"]) {
			const drawing = latencies(history, nodes, [{
				operation,
				share: .99,
				label: operation
			}], boundsMicros);
			this.#tiles[operation].show(milliseconds(drawing.series[0]?.values.at(-1)), drawing);
		}
	}
};
// page/node-list.ts
const TONES = {
	ready: "good",
	degraded: "busy",
	draining: "busy",
	unavailable: "bad"
};
const OLD_MIRROR_SECONDS = 10;
function statePill(status) {
	return pill(status === "" ? "unknown" : status, TONES[status] ?? "quiet");
}
function showNodes(body, told) {
	body.replaceChildren(...told.nodes.map((node) => nodeRow(node, node.node === told.here)));
}
function nodeRow(node, isHere) {
	const sessions = Object.values(node.sessions).reduce((sum, number) => sum + number, 0);
	const age = node.mirrorAgeSeconds;
	const mirror = age === void 0 ? "never heard" : age < 1 ? "up to date" : `${duration(age)} old`;
	const store = `${node.store.kind}${node.store.answers ? "" : " does not answer"}`;
	const name = element("th", {
		scope: "row",
		title: node.node
	}, shortNode(node.node));
	if (isHere) name.append(" ", pill("this one", "quiet"));
	const isWorrying = age === void 0 || age > OLD_MIRROR_SECONDS;
	const row = element("tr", { "data-node": node.node });
	row.append(name, element("td", { "data-label": "State" }, statePill(node.status)), element("td", {
		"data-label": "Connections",
		class: "number"
	}, count(sessions)), element("td", {
		"data-label": "Store",
		...node.store.answers ? {} : { class: "bad" }
	}, store), element("td", {
		"data-label": "Revocations",
		...isWorrying ? { class: "bad" } : {}
	}, mirror), element("td", { "data-label": "Up for" }, duration(node.uptimeSeconds)), element("td", { "data-label": "Release" }, node.version));
	return row;
}
// page/confirm.ts
function confirmed({ title, text, yes }) {
	const dialog = byId("question", HTMLDialogElement);
	byId("question-title", HTMLElement).textContent = title;
	byId("question-text", HTMLElement).textContent = text;
	const button = byId("question-yes", HTMLButtonElement);
	button.textContent = yes;
	return new Promise((resolve) => {
		const answered = new AbortController();
		const answer = (is) => {
			answered.abort();
			dialog.close();
			resolve(is);
		};
		const { signal } = answered;
		button.addEventListener("click", () => answer(true), { signal });
		byId("question-no", HTMLButtonElement).addEventListener("click", () => answer(false), { signal });
		dialog.addEventListener("close", () => answer(false), { signal });
		dialog.showModal();
	});
}
// page/people.ts
var People = class {
	#elements;
	#attempt;
	#issuers = [];
	#search = 0;
	constructor(elements, attempt) {
		this.#elements = elements;
		this.#attempt = attempt;
		elements.form.addEventListener("submit", (event) => {
			event.preventDefault();
			attempt(() => this.search());
		});
	}
	issuersAre(issuers) {
		this.#issuers = issuers;
	}
	clear() {
		this.#search += 1;
		this.#elements.form.reset();
		this.#elements.result.replaceChildren();
		this.#elements.summary.textContent = "";
	}
	async search() {
		const mine = ++this.#search;
		const subject = this.#elements.subject.value.trim();
		const listing = await get(`api/sessions?nodes=all&limit=100${subject === "" ? "" : `&subject=${encodeURIComponent(subject)}`}`);
		if (mine === this.#search) this.#show(subject, listing);
	}
	#show(subject, { total, sessions, silent }) {
		const people = grouped(sessions);
		this.#elements.summary.textContent = inWords(subject, total, sessions.length, silent ?? 0);
		this.#elements.result.replaceChildren(...people.map((person) => this.#personBlock(person)));
		if (people.length === 0 && subject !== "") this.#elements.result.append(this.#absentBlock(subject));
	}
	#personBlock(person) {
		const { subject, issuer, sessions } = person;
		const name = element("h3", {}, subject, " ", element("span", { class: "quiet" }, issuer));
		const actions = element("div", { class: "actions" });
		if (sessions.length > 1) actions.append(button(`Close ${counted(sessions.length, "connection")}`, { class: "small" }, () => this.#do("api/close", {
			subject,
			issuer
		}, closing(`${subject}’s connections`))));
		actions.append(this.#signOutButton(person));
		const head = element("div", { class: "person-head" }, name, actions);
		const rows = element("tbody", {}, ...sessions.map((session) => this.#sessionRow(session)));
		const titles = [
			"Route",
			"By",
			"Node",
			"Open for",
			"Ends in"
		].map((title) => element("th", { scope: "col" }, title));
		const actionsTitle = element("span", { class: "visually-hidden" }, "Actions");
		titles.push(element("th", { scope: "col" }, actionsTitle));
		const table = element("table", { class: "list" }, element("thead", {}, element("tr", {}, ...titles)), rows);
		return element("section", {
			class: "person",
			"data-subject": subject
		}, head, table);
	}
	#sessionRow(session) {
		const { session_id, subject, route, method, node, open_seconds, ends_in_seconds } = session;
		const which = `${subject}’s connection to ${route}, open for ${duration(open_seconds)}`;
		const close = button("Close", {
			class: "small",
			title: "It may come back at once",
			"aria-label": `Close ${which}`
		}, () => this.#do("api/close", { session_id }, closing("this connection")));
		const revoke = button("Revoke", {
			class: "small danger",
			title: "Its ticket and its connection are over",
			"aria-label": `Revoke ${which}`
		}, () => this.#do("api/revoke", { session_id }, revokingSession(session)));
		const row = element("tr", { "data-session": session_id });
		row.append(element("td", { "data-label": "Route" }, element("code", {}, route)), element("td", { "data-label": "By" }, method), element("td", {
			"data-label": "Node",
			title: node
		}, shortNode(node)), element("td", { "data-label": "Open for" }, duration(open_seconds)), element("td", { "data-label": "Ends in" }, duration(ends_in_seconds)), element("td", { class: "row-actions" }, close, revoke));
		return row;
	}
	#absentBlock(subject) {
		const words = element("p", { class: "empty" }, `Nobody called “${subject}” is connected.`);
		const buttons = this.#issuers.map((issuer) => this.#signOutButton({
			subject,
			issuer,
			sessions: []
		}));
		if (this.#issuers.length > 1) for (const [at, one] of buttons.entries()) one.append(` (${this.#issuers[at]})`);
		return element("div", {}, words, element("div", { class: "actions" }, ...buttons));
	}
	#signOutButton(person) {
		const { subject, issuer } = person;
		return button("Revoke every login", { class: "small danger" }, () => this.#do("api/revoke", {
			subject,
			issuer
		}, revokingPerson(person)));
	}
	#do(path, body, question) {
		this.#attempt(async () => {
			if (!await confirmed(question)) return;
			await post(path, body);
			await new Promise((resolve) => setTimeout(resolve, 700));
			await this.search();
		});
	}
};
function closing(what) {
	return {
		title: `Close ${what}?`,
		text: `It closes with 1012, and whoever it is may come back at once: nothing is revoked.`,
		yes: "Close"
	};
}
function revokingSession({ subject, route }) {
	return {
		title: "Revoke this connection?",
		text: `${subject}’s connection to ${route} closes with 4900 within a second, and its ticket is over. The login stays: they may connect anew.`,
		yes: "Revoke"
	};
}
function revokingPerson({ subject, issuer, sessions }) {
	const text = `Every login of ${subject} at ${issuer} up to now is over, on every node:${sessions.length === 0 ? "" : ` ${counted(sessions.length, "connection")} close within a second.`} Outstanding tickets open nothing, and they have to log in again.`;
	return {
		title: `Revoke every login of ${subject}?`,
		text,
		yes: "Revoke every login"
	};
}
function grouped(sessions) {
	const people = new Map();
	for (const session of sessions) {
		const key = `${session.issuer}\n${session.subject}`;
		people.set(key, [...people.get(key) ?? [], session]);
	}
	return [...people.values()].map((own) => ({
		issuer: own[0]?.issuer ?? "",
		subject: own[0]?.subject ?? "",
		sessions: own
	}));
}
function inWords(subject, total, shown, silent) {
	const whose = subject === "" ? "" : ` of “${subject}”`;
	const part = shown < total ? `, the ${shown} youngest shown` : "";
	const missing = silent === 0 ? "" : `; ${counted(silent, "node")} did not say`;
	return `${counted(total, "live connection")}${whose}${part}${missing}`;
}
// page/rollout-reading.ts
function readRollouts(json) {
	const { routes } = object(json);
	return Array.isArray(routes) ? routes.map(readRollout) : [];
}
function readRollout(json) {
	const told = object(json);
	const changed = object(told.changed);
	return {
		route: text(told.route),
		percent: number(told.percent),
		allow: listed(told.allow),
		deny: listed(told.deny),
		hasFallback: told.jwt_fallback !== "deny",
		isKept: told.kept !== false,
		shadow: told.shadow === true,
		changed: told.changed ? {
			by: text(changed.by),
			at: number(changed.at),
			node: text(changed.node)
		} : void 0,
		guard: readGuard(object(told.guard))
	};
}
function readGuard(told) {
	return {
		action: text(told.action),
		windowSeconds: number(told.window_seconds),
		thresholdPercent: number(told.threshold_percent),
		minimum: number(told.minimum),
		worked: number(told.worked),
		failed: number(told.failed),
		tripped: told.tripped ? readTrip(object(told.tripped)) : void 0
	};
}
function readTrip(told) {
	return {
		at: number(told.at),
		node: text(told.node),
		worked: number(told.worked),
		failed: number(told.failed),
		before: number(told.percent_before)
	};
}
function listed(json) {
	if (!Array.isArray(json)) return [];
	return json.map(object).map(({ issuer, subject }) => ({
		issuer: text(issuer),
		subject: text(subject)
	}));
}
function guardInWords(guard) {
	const { action, windowSeconds, thresholdPercent, minimum, worked, failed } = guard;
	if (action === "off") return "The guard is off.";
	const all = worked + failed;
	return `${`${count(failed)} of ${count(all)} tickets failed by a fault of ours within ${duration(windowSeconds)}, as this node sees it.`}${all < minimum ? ` Fewer than ${count(minimum)} are too few to judge.` : ""} From ${thresholdPercent} % failed on, the guard ${action === "alarm" ? "raises an alarm" : "sets 0 %"}.`;
}
function tripInWords({ action, tripped }) {
	if (tripped === void 0) return "";
	const { at, node, worked, failed, before } = tripped;
	const act = action === "alarm" ? "raised an alarm" : `set 0 %, from ${before} %`;
	const why = `${count(failed)} of ${count(worked + failed)} tickets had failed on ${shortNode(node)}`;
	return `The guard ${act}, at ${moment(at)}: ${why}. So it stays until somebody sets a percentage.`;
}
function guardStrain({ worked, failed, minimum, thresholdPercent }) {
	const all = worked + failed;
	if (all === 0 || all < minimum || thresholdPercent === 0) return 0;
	return Math.min(failed / all * 100 / thresholdPercent, 1);
}
const CHANGERS = {
	admin: "an operator",
	file: "a configuration file",
	guard: "the guard"
};
function remarks({ changed, isKept, hasFallback, shadow }) {
	const told = [];
	if (!hasFallback) told.push("Without a ticket nobody connects here (jwt_fallback = \"deny\"): it stays at 100 %.");
	if (shadow) told.push("Shadow mode: each JWT that is let in rehearses a ticket, which decides nothing.");
	if (!isKept) told.push("The store does not answer: the other nodes are told when it is back.");
	if (changed === void 0) told.push("Nobody has changed it yet.");
	else {
		const by = CHANGERS[changed.by] ?? changed.by;
		told.push(`Last changed by ${by}, at ${moment(changed.at)} on ${shortNode(changed.node)}.`);
	}
	return told;
}
function questionBefore({ route, percent }, wanted) {
	const ask = (text) => ({
		title: `Set ${route} to ${wanted} %?`,
		text,
		yes: `Set ${wanted} %`
	});
	const open = "Who is connected stays connected.";
	if (wanted === 100) return ask(`Everybody gets tickets, but for those on the list of who never does. ${open}`);
	if (wanted === 0) return ask(`Nobody gets tickets, but for those on the list of who always does: the others connect with the JWT. ${open}`);
	if (wanted < percent) return ask(`From ${percent} % down: who came last gets no more tickets, and connects with the JWT. ${open}`);
}
// page/rollout.ts
const STEPS = [
	0,
	1,
	5,
	25,
	50,
	100
];
const LISTS = [["allow", "Always get tickets"], ["deny", "Never get tickets"]];
var Rollout = class {
	#list;
	#attempt;
	#blocks = new Map();
	#issuers = [];
	#age = 0;
	#isAsking = false;
	constructor(list, attempt) {
		this.#list = list;
		this.#attempt = attempt;
	}
	issuersAre(issuers) {
		this.#issuers = issuers;
	}
	clear() {
		this.#age += 1;
		this.#blocks.clear();
		this.#list.replaceChildren();
	}
	async refresh() {
		if (this.#isAsking) return;
		this.#isAsking = true;
		const age = this.#age;
		try {
			const routes = readRollouts(await get("api/rollout"));
			if (age === this.#age) this.#show(routes);
		} finally {
			this.#isAsking = false;
		}
	}
	#show(routes) {
		for (const [path, block] of this.#blocks) {
			if (routes.some(({ route }) => route === path)) continue;
			block.element.remove();
			this.#blocks.delete(path);
		}
		for (const rollout of routes) this.#blockOf(rollout.route).show(rollout);
	}
	#blockOf(route) {
		const known = this.#blocks.get(route);
		if (known !== void 0) return known;
		const change = async (change) => {
			const told = await post("api/rollout", {
				route,
				...change
			});
			this.#age += 1;
			return readRollout(told);
		};
		const block = new RouteBlock(route, {
			attempt: this.#attempt,
			issuers: this.#issuers,
			change
		});
		this.#blocks.set(route, block);
		this.#list.append(block.element);
		return block;
	}
};
var RouteBlock = class {
	element;
	#route;
	#whole;
	#state = element("p", { class: "rollout-state" });
	#alarm = element("p", {
		class: "notice",
		role: "alert",
		hidden: ""
	});
	#refusal = element("p", {
		class: "notice",
		role: "alert",
		hidden: ""
	});
	#slider;
	#set;
	#steps = element("div", {
		class: "steps",
		role: "group"
	});
	#lists = element("div", { class: "listed" });
	#subject;
	#guard = element("p");
	#strain = element("meter", {
		min: "0",
		max: "1",
		high: "0.7",
		optimum: "0"
	});
	#remarks = element("p", { class: "hint" });
	#shown;
	constructor(route, whole) {
		this.#route = route;
		this.#whole = whole;
		const label = `Percentage of people on ${route} who get tickets`;
		this.#slider = element("input", {
			type: "range",
			min: "0",
			max: "100",
			step: "1",
			"aria-label": label
		});
		this.#slider.addEventListener("input", () => this.#showWanted());
		this.#set = button("", { class: "primary" }, () => this.#setTo(this.#wanted));
		this.#steps.ariaLabel = `Steps of ${route}`;
		for (const step of STEPS) this.#steps.append(button(`${step} %`, {
			class: "small",
			"data-step": String(step)
		}, () => this.#setTo(step)));
		this.#strain.ariaLabel = `How near the guard of ${route} is to acting`;
		this.#subject = element("input", {
			type: "search",
			placeholder: "A person’s subject",
			"aria-label": `Somebody to put on a list of ${route}`,
			autocomplete: "off",
			spellcheck: "false",
			required: ""
		});
		const title = element("h3", {}, element("code", {}, route));
		this.element = element("section", {
			class: "rollout",
			"data-route": route,
			"aria-label": route
		});
		this.element.append(element("div", { class: "rollout-head" }, title, this.#state), this.#alarm, this.#refusal, element("div", { class: "dial" }, this.#slider, this.#set), this.#steps, this.#lists, this.#listForm(), element("div", { class: "guard" }, this.#strain, this.#guard), this.#remarks);
	}
	show(rollout) {
		const before = this.#shown;
		if (before === void 0 || this.#wanted === before.percent) this.#slider.value = String(rollout.percent);
		this.#shown = rollout;
		this.#showState(rollout);
		if (JSON.stringify([before?.allow, before?.deny]) !== JSON.stringify([rollout.allow, rollout.deny])) this.#showLists(rollout);
		say(this.#alarm, tripInWords(rollout.guard));
		say(this.#guard, guardInWords(rollout.guard));
		say(this.#remarks, remarks(rollout).join(" "));
		this.#strain.value = guardStrain(rollout.guard);
		this.#strain.hidden = rollout.guard.action === "off";
		this.#showWanted();
	}
	get #wanted() {
		return this.#slider.valueAsNumber;
	}
	#showState({ percent, shadow, guard }) {
		const tone = guard.tripped ? "bad" : percent === 100 ? "good" : percent === 0 ? "quiet" : "busy";
		this.#state.replaceChildren(pill(`${percent} % get tickets`, tone));
		if (shadow) this.#state.append(" ", pill("shadow mode", "quiet"));
	}
	#showWanted() {
		const shown = this.#shown;
		if (shown === void 0) return;
		this.#slider.setAttribute("aria-valuetext", `${this.#wanted} %`);
		say(this.#set, `Set to ${this.#wanted} %`);
		this.#set.disabled = this.#isSo(shown, this.#wanted);
		for (const step of this.#steps.querySelectorAll("button")) step.ariaPressed = String(Number(step.dataset.step) === shown.percent);
	}
	#isSo({ percent, guard }, wanted) {
		return wanted === percent && guard.tripped === void 0;
	}
	#showLists(rollout) {
		const lists = LISTS.filter(([list]) => rollout[list].length > 0).map(([list, title]) => {
			const people = rollout[list].map((one) => element("li", {}, this.#chip(one)));
			const titled = element("ul", {
				"data-list": list,
				"aria-label": title
			}, ...people);
			return element("div", {}, element("p", { class: "quiet" }, title), titled);
		});
		this.#lists.replaceChildren(...lists);
	}
	#chip({ issuer, subject }) {
		const remove = button("×", {
			class: "chip-remove",
			"aria-label": `Take ${subject} off the list of ${this.#route}`
		}, () => this.#change({
			unlist: [subject],
			issuer
		}, () => this.#subject.focus()));
		const where = this.#whole.issuers.length > 1 ? [element("span", { class: "quiet" }, ` ${issuer}`)] : [];
		return element("span", {
			class: "chip",
			title: issuer
		}, element("span", {}, subject, ...where), remove);
	}
	#listForm() {
		const options = LISTS.map(([list, title]) => element("option", { value: list }, title));
		const list = element("select", { "aria-label": `List of ${this.#route}` }, ...options);
		const { issuers } = this.#whole;
		const issuer = element("select", { "aria-label": "Issuer" }, ...issuers.map((name) => element("option", { value: name }, name)));
		issuer.hidden = issuers.length < 2;
		const form = element("form", { class: "row list-form" }, this.#subject, issuer, list);
		form.append(element("button", { type: "submit" }, "Add"));
		form.addEventListener("submit", (event) => {
			event.preventDefault();
			const change = {
				[list.value]: [this.#subject.value.trim()],
				issuer: issuer.value
			};
			this.#change(change, () => {
				this.#subject.value = "";
			});
		});
		return form;
	}
	#setTo(percent) {
		const shown = this.#shown;
		if (shown === void 0 || this.#isSo(shown, percent)) return;
		this.#whole.attempt(async () => {
			const question = questionBefore(shown, percent);
			if (question === void 0 || await confirmed(question)) await this.#ask({ percent });
			this.#slider.value = String(this.#shown?.percent ?? percent);
			this.#showWanted();
		});
	}
	#change(change, done) {
		this.#whole.attempt(async () => {
			if (await this.#ask(change)) done();
		});
	}
	async #ask(change) {
		say(this.#refusal, "");
		try {
			this.show(await this.#whole.change(change));
			return true;
		} catch (error) {
			if (error instanceof SignedOut) throw error;
			say(this.#refusal, error instanceof Error ? error.message : String(error));
			return false;
		}
	}
};
function say(where, words) {
	if (where.textContent !== words) where.textContent = words;
	where.hidden = words === "";
}
// page/stream.ts
const RETRY_MS = 2e3;
var Stream = class {
	#listener;
	#source;
	#retry;
	constructor(listener) {
		this.#listener = listener;
		this.#open();
	}
	close() {
		clearTimeout(this.#retry);
		this.#source?.close();
		this.#source = void 0;
	}
	#open() {
		const source = new EventSource("api/events");
		this.#source = source;
		source.addEventListener("open", () => this.#listener.opened());
		source.addEventListener("nodes", ({ data }) => this.#listener.nodes(readNodes(JSON.parse(data))));
		source.addEventListener("audit", ({ data }) => this.#listener.audit(data));
		source.addEventListener("lost", () => this.#listener.lost());
		source.addEventListener("error", () => void this.#failed(source));
	}
	async #failed(source) {
		source.close();
		if (this.#source !== source) return;
		const reason = await get("api/status").then(() => "The gateway has ended this page’s stream.", (error) => error);
		if (this.#source !== source) return;
		if (reason instanceof SignedOut) {
			this.close();
			this.#listener.signedOut();
			return;
		}
		this.#listener.broken(reason instanceof Error ? reason.message : String(reason));
		this.#retry = setTimeout(() => this.#open(), RETRY_MS);
	}
};
// page/page.ts
const ALL = "";
const notice = byId("notice", HTMLElement);
const choice = byId("node", HTMLSelectElement);
const figures = new Figures(byId("tiles", HTMLElement), byId("plots", HTMLElement));
const audit = new AuditList(byId("audit", HTMLElement), byId("audit-filter", HTMLInputElement), byId("audit-pause", HTMLButtonElement));
const people = new People({
	form: byId("people-form", HTMLFormElement),
	subject: byId("subject", HTMLInputElement),
	result: byId("people", HTMLElement),
	summary: byId("people-summary", HTMLElement)
}, attempt);
const rollout = new Rollout(byId("rollout", HTMLElement), attempt);
let stream;
let told;
function attempt(act) {
	tell("");
	act().catch(failed);
}
function failed(error) {
	if (error instanceof SignedOut) leave("Your time here is over: sign in again.");
	else tell(error instanceof Error ? error.message : String(error));
}
function tell(words) {
	notice.textContent = words;
	notice.hidden = words === "";
}
async function arrive() {
	const status = await get("api/status");
	people.issuersAre(status.issuers ?? []);
	rollout.issuersAre(status.issuers ?? []);
	show(true);
	stream = new Stream({
		opened: () => {
			tell("");
			attempt(recall);
		},
		nodes: showTold,
		audit: (line) => audit.add(line),
		lost: () => tell("Some audit lines came too fast for this page and are missing here."),
		broken: (reason) => tell(`${reason} Trying again.`),
		signedOut: () => leave("Your time here is over: sign in again.")
	});
	await Promise.all([people.search(), rollout.refresh()]);
}
async function recall() {
	const { lines } = await get("api/audit");
	for (const line of lines) audit.add(line);
}
function leave(words = "") {
	stream?.close();
	stream = void 0;
	told = void 0;
	audit.clear();
	people.clear();
	rollout.clear();
	figures.clear();
	show(false);
	tell(words);
}
function show(isSignedIn) {
	byId("sign-in", HTMLElement).hidden = isSignedIn;
	byId("signed-in", HTMLElement).hidden = !isSignedIn;
	byId("masthead-controls", HTMLElement).hidden = !isSignedIn;
	if (!isSignedIn) byId("secret", HTMLInputElement).focus();
}
function showTold(nodes) {
	told = nodes;
	figures.add(nodes, performance.now());
	showChoice(nodes);
	showNodes(byId("nodes", HTMLElement), nodes);
	const here = nodes.nodes.find(({ node }) => node === nodes.here);
	byId("gateway-state", HTMLElement).replaceChildren(statePill(here?.status ?? ""));
	byId("nodes-missing", HTMLElement).hidden = nodes.isWhole;
	draw();
	if (!document.hidden) rollout.refresh().catch(failed);
}
function showChoice({ nodes }) {
	const names = [ALL, ...nodes.map(({ node }) => node)];
	const offered = [...choice.options].map(({ value }) => value);
	if (names.join("\n") === offered.join("\n")) return;
	const chosen = choice.value;
	const all = nodes.length === 1 ? "this node" : `all ${nodes.length} nodes`;
	choice.replaceChildren(...names.map((name) => new Option(name === ALL ? all : shortNode(name), name)));
	choice.value = names.includes(chosen) ? chosen : ALL;
	byId("node-choice", HTMLElement).hidden = nodes.length === 1;
}
function draw() {
	if (told === void 0 || document.hidden) return;
	const names = told.nodes.map(({ node }) => node);
	figures.draw(choice.value === ALL ? names : [choice.value], told.boundsMicros);
}
function listen() {
	const secret = byId("secret", HTMLInputElement);
	byId("sign-in-form", HTMLFormElement).addEventListener("submit", (event) => {
		event.preventDefault();
		attempt(async () => {
			const typed = secret.value.trim();
			secret.value = "";
			secret.focus();
			await signIn(typed);
			await arrive();
		});
	});
	byId("sign-out", HTMLButtonElement).addEventListener("click", () => attempt(async () => {
		leave();
		await signOut();
	}));
	choice.addEventListener("change", draw);
	document.addEventListener("visibilitychange", draw);
}
listen();
attempt(async () => {
	if (await isSignedIn()) await arrive();
	else leave();
});
