// page/demo-json.ts
async function fetchDemo() {
	const answer = await fetch("demo.json", { headers: { accept: "application/json" } });
	if (!answer.ok) throw new Error(`demo.json was answered with status ${answer.status}`);
	return readDemo(await answer.json());
}
function readDemo(json) {
	const { gateway, issuer, operators, route, people } = record(json, "demo.json");
	if (!Array.isArray(people) || people.length === 0) throw new Error("demo.json names no people");
	return {
		gateway: origin(gateway, "gateway"),
		issuer: origin(issuer, "issuer"),
		operators: `${origin(operators, "operators")}/admin/`,
		route: text(route, "route"),
		people: people.map(readPerson)
	};
}
function socketUrl(demo) {
	const url = new URL(demo.route, demo.gateway);
	url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
	return url.href;
}
function readPerson(json) {
	const { id, name, email, permissions } = record(json, "a person of demo.json");
	const named = Array.isArray(permissions) ? permissions : [];
	return {
		id: text(id, "people.id"),
		name: text(name, "people.name"),
		email: text(email, "people.email"),
		permissions: named.filter((permission) => typeof permission === "string")
	};
}
function record(json, what) {
	if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error(`${what} is not an object`);
	return json;
}
function text(value, field) {
	if (typeof value !== "string" || value === "") throw new Error(`demo.json has no ${field}`);
	return value;
}
function origin(value, field) {
	const url = text(value, field);
	if (!URL.canParse(url)) throw new Error(`demo.json has a ${field} that is no URL`);
	return url;
}
// page/element.ts
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
function within$1(parent, selector) {
	const found = parent.querySelector(selector);
	if (!(found instanceof HTMLElement)) throw new Error(`index.html has no "${selector}" in #${parent.id}`);
	return found;
}
function code(text) {
	return element("code", {}, text);
}
function showFacts(list, facts) {
	list.replaceChildren(...facts.flatMap(factRow));
}
function factRow(fact) {
	const value = element("dd", fact.field === void 0 ? {} : { "data-field": fact.field }, fact.value);
	return [element("dt", {}, fact.name), value];
}
// page/scene.ts
const EMPTY_SCENE = {
	visitor: { name: "away" },
	connection: { name: "idle" },
	ticket: { name: "none" },
	handshake: void 0,
	protocol: "",
	upstream: void 0,
	leaked: false,
	replay: { name: "impossible" },
	notice: ""
};
var Stage = class {
	#scene = EMPTY_SCENE;
	#show;
	constructor(show) {
		this.#show = show;
	}
	get scene() {
		return this.#scene;
	}
	set(change) {
		const previous = this.#scene;
		this.#scene = {
			...previous,
			...change
		};
		this.#show(this.#scene, previous);
	}
};
function isConnecting(connection) {
	return connection.name !== "idle" && connection.name !== "closed";
}
// page/words.ts
function connectionLabel(state) {
	switch (state.name) {
		case "idle": return {
			text: "Not connected",
			tone: "quiet"
		};
		case "acquiring": return {
			text: state.credential === "ticket" ? "Getting a ticket" : "Taking the login",
			tone: "busy"
		};
		case "dialing": return {
			text: "Opening",
			tone: "busy"
		};
		case "refused": return {
			text: "Refused",
			tone: "bad"
		};
		case "open": return {
			text: `Connected by ${state.credential === "ticket" ? "ticket" : "JWT"}`,
			tone: "good"
		};
		case "waiting": return {
			text: `Trying again (${state.retry})`,
			tone: "busy"
		};
		case "closing": return {
			text: "Closing",
			tone: "busy"
		};
		case "closed": return closedLabel(state.cause);
	}
}
function ticketLabel(stage) {
	switch (stage.name) {
		case "none": return {
			text: "No ticket yet",
			tone: "quiet"
		};
		case "bypassed": return {
			text: "No ticket used",
			tone: "quiet"
		};
		case "minting": return {
			text: "Minting",
			tone: "busy"
		};
		case "notMinted": return {
			text: "Not minted",
			tone: "bad"
		};
		case "unspent": return {
			text: "Unspent",
			tone: "good"
		};
		case "expired": return {
			text: "Expired unspent",
			tone: "bad"
		};
		case "redeemed": return {
			text: "Redeemed",
			tone: "good"
		};
		case "refused": return {
			text: "Refused",
			tone: "bad"
		};
	}
}
function duration(ms) {
	return ms < 1e3 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1e3).toFixed(1)} s`;
}
function clock(date) {
	return date.toLocaleTimeString(void 0, { hour12: false });
}
function exactClock(seconds) {
	const date = new Date(seconds * 1e3);
	return `${clock(date)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
function shown(value) {
	return typeof value === "string" ? value : JSON.stringify(value);
}
function closeText(close) {
	return close.reason === "" ? `${close.code}` : `${close.code} ${close.reason}`;
}
function closedLabel(cause) {
	if (cause.code === "closed_by_application") return {
		text: "Disconnected",
		tone: "quiet"
	};
	return {
		text: cause.close === void 0 ? `Closed: ${cause.code}` : `Closed: ${closeText(cause.close)}`,
		tone: "bad"
	};
}
// page/stages.ts
const WAITING = { standing: "waiting" };
var Stages = class {
	#views = [
		new StageElement("stage-minted", mintedStage),
		new StageElement("stage-redeemed", redeemedStage),
		new StageElement("stage-handshake", handshakeStage),
		new StageElement("stage-upstream", upstreamStage),
		new StageElement("stage-replay", replayStage),
		new StageElement("stage-signed-out", signedOutStage)
	];
	#headers = byId("upstream-headers", HTMLDetailsElement);
	#rows = byId("upstream-rows", HTMLElement);
	show(scene, previous) {
		for (const view of this.#views) view.show(scene);
		if (scene.upstream === previous.upstream) return;
		this.#headers.hidden = scene.upstream === void 0;
		const rows = (scene.upstream?.headers ?? []).map(([name, value]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)));
		this.#rows.replaceChildren(...rows);
	}
};
var StageElement = class {
	#item;
	#text;
	#facts;
	#atRest;
	#view;
	constructor(id, view) {
		this.#item = byId(id, HTMLElement);
		this.#text = within$1(this.#item, ".stage-text");
		this.#facts = within$1(this.#item, ".facts");
		this.#atRest = [...this.#text.childNodes];
		this.#view = view;
	}
	show(scene) {
		const { standing, text, facts } = this.#view(scene);
		this.#item.dataset.state = standing;
		this.#text.replaceChildren(...text === void 0 ? this.#atRest : [text]);
		showFacts(this.#facts, facts ?? []);
	}
};
function mintedStage({ ticket }) {
	switch (ticket.name) {
		case "none": return WAITING;
		case "minting": return { standing: "active" };
		case "bypassed": return {
			standing: "waiting",
			text: "No ticket was minted: this connection uses the login itself."
		};
		case "notMinted": return {
			standing: "failed",
			text: "No ticket was minted.",
			facts: refusalFacts(ticket.refusal)
		};
		default: return {
			standing: "done",
			text: "The page traded its login for a ticket.",
			facts: mintedFacts(ticket.ticket)
		};
	}
}
function mintedFacts(ticket) {
	return [
		{
			name: "When",
			value: clock(ticket.mintedOn)
		},
		{
			name: "Lifetime",
			value: `${ticket.ttlSeconds} seconds, ${ticket.singleUse ? "one use" : "several uses"}`,
			field: "ttl"
		},
		{
			name: "Session",
			value: code(ticket.sessionId),
			field: "session"
		},
		{
			name: "Ticket",
			value: `${ticket.length} characters, kept off this page`,
			field: "length"
		}
	];
}
function redeemedStage({ ticket }) {
	switch (ticket.name) {
		case "unspent": return {
			standing: "active",
			text: "Unspent. It opens one socket, within its lifetime."
		};
		case "expired": return {
			standing: "failed",
			text: "It expired unspent and opens nothing now. Connecting mints another."
		};
		case "refused": return {
			standing: "failed",
			text: "The socket was refused.",
			facts: refusalFacts(ticket.refusal)
		};
		case "redeemed": return {
			standing: "done",
			text: `Spent ${duration(ticket.afterMs)} after it was minted, on one socket.`
		};
		case "bypassed": return {
			standing: "waiting",
			text: "Nothing was spent: whoever has this JWT can use it again until it expires."
		};
		default: return WAITING;
	}
}
function handshakeStage({ handshake, protocol, ticket }) {
	if (handshake === void 0) return WAITING;
	const offered = element("ul", { class: "offered" });
	offered.append(...handshake.offered.map((name) => element("li", {}, code(name))));
	const facts = [
		{
			name: "Socket",
			value: code(handshake.url),
			field: "url"
		},
		{
			name: "Offered",
			value: offered,
			field: "offered"
		},
		{
			name: "Selected",
			value: code(handshake.selected ?? "(nothing)"),
			field: "selected"
		},
		{
			name: "The page sees",
			value: code(`protocol = "${protocol}"`),
			field: "protocol"
		}
	];
	return {
		standing: "done",
		text: `${ticket.name === "bypassed" ? "The JWT itself" : "The ticket"} went as one offered subprotocol, never in the URL, and was not echoed.`,
		facts
	};
}
function upstreamStage({ upstream, leaked }) {
	if (upstream === void 0) return WAITING;
	const identity = upstream.headers.filter(([name]) => name.startsWith("x-admitone-"));
	const facts = [{
		name: "Path",
		value: code(upstream.path),
		field: "path"
	}, ...identity.map(([name, value]) => ({
		name,
		value: code(value),
		field: name
	}))];
	const count = upstream.headers.length;
	if (leaked) return {
		standing: "failed",
		text: "A secret reached the upstream. This is a fault of the gateway.",
		facts
	};
	return {
		standing: "done",
		text: `Neither the ticket nor the login is in the path or in any of its ${count} headers.`,
		facts
	};
}
function replayStage({ replay }) {
	if (replay.name === "trying") return {
		standing: "active",
		text: "Opening a second socket with the same ticket."
	};
	if (replay.name !== "tried") return WAITING;
	const { admitted, selected, tookMs } = replay.outcome;
	const facts = [{
		name: "Selected",
		value: code(selected === "" ? "(nothing)" : selected),
		field: "selected"
	}, {
		name: "Close",
		value: code(closeText(replay.outcome)),
		field: "close"
	}];
	if (admitted) return {
		standing: "failed",
		text: "It was admitted twice. This is a fault of the gateway.",
		facts
	};
	return {
		standing: "done",
		text: `Refused after ${duration(tookMs)}, with a code and a reason a browser can read.`,
		facts
	};
}
function signedOutStage({ visitor }) {
	if (visitor.name === "leaving") return {
		standing: "active",
		text: "Ending the login."
	};
	if (visitor.name !== "left") return WAITING;
	const { departure } = visitor;
	const text = `${departure.person.name}’s login is over, everywhere it was used.`;
	return {
		standing: departure.mint === void 0 ? "failed" : "done",
		text,
		facts: departureFacts(departure)
	};
}
function departureFacts({ logoutStatus, tookMs, close, mint }) {
	const socket = close === void 0 ? "no socket was open" : `${closeText(close)}, after ${duration(close.tookMs)}`;
	const again = mint === void 0 ? "it still mints: a fault of the gateway" : `refused: ${refusalText(mint)}`;
	return [
		{
			name: "POST /auth/logout",
			value: `${logoutStatus}, after ${duration(tookMs)}`,
			field: "logout"
		},
		{
			name: "Socket closed",
			value: socket,
			field: "close"
		},
		{
			name: "Minting with the old login",
			value: again,
			field: "mint"
		}
	];
}
function refusalFacts(refusal) {
	const facts = [{
		name: "Why",
		value: code(refusalText(refusal)),
		field: "refusal"
	}];
	return refusal.detail === "" ? facts : [...facts, {
		name: "Detail",
		value: refusal.detail
	}];
}
function refusalText({ status, code }) {
	return status === void 0 ? code : `${status} ${code}`;
}
// page/ticket-card.ts
const TICK_MS = 250;
var TicketCard = class {
	#card = byId("ticket", HTMLElement);
	#pill = byId("ticket-state", HTMLElement);
	#secret = byId("ticket-secret", HTMLElement);
	#line = byId("ticket-line", HTMLElement);
	#figure = byId("ticket-figure", HTMLElement);
	#unit = byId("ticket-unit", HTMLElement);
	#stamp = byId("ticket-stamp", HTMLElement);
	#countdown = byId("countdown", HTMLProgressElement);
	#ticking;
	show(scene, stage) {
		const { ticket } = scene;
		const label = ticketLabel(ticket);
		this.#pill.textContent = label.text;
		this.#pill.dataset.tone = label.tone;
		this.#card.dataset.stage = ticket.name;
		this.#secret.textContent = "ticket" in ticket ? "adm1_••••••••" : "adm1_ · · ·";
		this.#line.textContent = line(ticket);
		this.#showStamp(stamp(ticket));
		this.#follow(ticket, stage);
	}
	#showStamp(text) {
		this.#stamp.hidden = text === "";
		this.#stamp.textContent = text;
	}
	#follow(ticket, stage) {
		clearInterval(this.#ticking);
		if (ticket.name !== "unspent") {
			this.#showStub("ticket" in ticket ? "0" : "–", ticket.name === "redeemed" ? "uses left" : "seconds");
			this.#countdown.value = 0;
			return;
		}
		this.#countdown.max = ticket.ticket.expiresIn;
		const tick = () => {
			const left = Math.max(0, secondsLeft(ticket.ticket));
			this.#showStub(String(Math.ceil(left)), "seconds left");
			this.#countdown.value = left;
			if (left === 0) stage.set({ ticket: {
				...ticket,
				name: "expired"
			} });
		};
		this.#ticking = setInterval(tick, TICK_MS);
		tick();
	}
	#showStub(figure, unit) {
		this.#figure.textContent = figure;
		this.#unit.textContent = unit;
	}
};
function secondsLeft(ticket) {
	return ticket.expiresIn - (performance.now() - ticket.mintedAt) / 1e3;
}
function stamp(stage) {
	switch (stage.name) {
		case "redeemed": return "Spent";
		case "expired": return "Expired";
		case "refused": return "Refused";
		default: return "";
	}
}
function line(stage) {
	switch (stage.name) {
		case "none": return "Not minted yet";
		case "bypassed": return "The login itself went into the handshake";
		case "minting": return "Being minted";
		case "notMinted": return "There is no ticket";
		case "unspent":
		case "expired":
		case "refused": return `Minted at ${clock(stage.ticket.mintedOn)}`;
		case "redeemed": return `Lived ${duration(stage.afterMs)} of its ${stage.ticket.expiresIn} s`;
	}
}
// page/panels.ts
var Panels = class {
	controls = controls();
	#ticketCard = new TicketCard();
	#stages = new Stages();
	#announcement = byId("announcement", HTMLElement);
	show(scene, previous, stage) {
		this.#showVisitor(scene.visitor);
		this.#showConnection(scene);
		this.#showNotice(scene.notice);
		if (scene.ticket !== previous.ticket) this.#ticketCard.show(scene, stage);
		this.#stages.show(scene, previous);
		this.#moveFocus(scene, previous);
		const news = announcement(scene, previous);
		if (news !== void 0) this.#announcement.textContent = news;
	}
	#showVisitor(visitor) {
		const { who, whoName, whoEmail, whoInitial, signIn, signedIn, signOut, signOutHere, people, replay } = this.controls;
		const person = "person" in visitor ? visitor.person : void 0;
		const here = visitor.name === "here" || visitor.name === "leaving";
		who.hidden = !here;
		signedIn.hidden = !here;
		signIn.hidden = here;
		whoName.textContent = person?.name ?? "";
		whoEmail.textContent = person?.email ?? "";
		whoInitial.textContent = person?.name.slice(0, 1) ?? "";
		signOut.disabled = visitor.name !== "here";
		signOutHere.disabled = visitor.name !== "here";
		signOutHere.hidden = !here;
		replay.hidden = !here;
		for (const button of people.querySelectorAll("button")) button.disabled = visitor.name === "arriving";
	}
	#showConnection({ connection, ticket, replay }) {
		const { connect, mint, disconnect, hint, prompt, send, method, connectionState, replay: again } = this.controls;
		const label = connectionLabel(connection);
		const connecting = isConnecting(connection);
		const open = connection.name === "open";
		connectionState.textContent = label.text;
		connectionState.dataset.tone = label.tone;
		connect.hidden = connecting;
		mint.hidden = connecting;
		disconnect.hidden = !connecting;
		hint.hidden = connecting || ticket.name === "unspent" || !byTicket(method);
		connect.textContent = ticket.name === "unspent" && byTicket(method) ? "Connect with this ticket" : "Connect";
		connect.disabled = ticket.name === "minting";
		mint.disabled = ticket.name === "minting" || ticket.name === "unspent" || !byTicket(method);
		method.disabled = connecting;
		prompt.disabled = !open;
		send.disabled = !open;
		again.disabled = replay.name === "impossible";
	}
	#showNotice(text) {
		const { notice } = this.controls;
		notice.hidden = text === "";
		if (notice.textContent !== text) notice.textContent = text;
	}
	#moveFocus(scene, previous) {
		const { connect, prompt, signInTitle, disconnect } = this.controls;
		const { visitor, connection } = scene;
		if (visitor.name === "left" && previous.visitor.name === "leaving") signInTitle.focus({ preventScroll: true });
		if (visitor.name !== "here") return;
		if (connection.name === "open" && previous.connection.name !== "open") prompt.focus({ preventScroll: true });
		else if (focusIsLost()) (isConnecting(connection) ? disconnect : connect).focus({ preventScroll: true });
	}
};
function focusIsLost() {
	const focused = document.activeElement;
	return focused === null || focused === document.body || focused.matches(":disabled, [hidden], [hidden] *");
}
function controls() {
	return {
		who: byId("who", HTMLElement),
		whoName: byId("who-name", HTMLElement),
		whoEmail: byId("who-email", HTMLElement),
		whoInitial: byId("who-initial", HTMLElement),
		signIn: byId("sign-in", HTMLElement),
		signInTitle: byId("sign-in-title", HTMLElement),
		people: byId("people", HTMLElement),
		signedIn: byId("signed-in", HTMLElement),
		signOut: byId("sign-out", HTMLButtonElement),
		signOutHere: byId("sign-out-here", HTMLButtonElement),
		connectionState: byId("connection-state", HTMLElement),
		method: byId("method", HTMLFieldSetElement),
		connect: byId("connect", HTMLButtonElement),
		mint: byId("mint", HTMLButtonElement),
		disconnect: byId("disconnect", HTMLButtonElement),
		hint: byId("connection-hint", HTMLElement),
		promptForm: byId("prompt-form", HTMLFormElement),
		prompt: byId("prompt", HTMLInputElement),
		send: byId("send", HTMLButtonElement),
		replay: byId("replay", HTMLButtonElement),
		notice: byId("notice", HTMLElement)
	};
}
function byTicket(method) {
	return method.querySelector("input[value=\"ticket\"]")?.checked === true;
}
function announcement(scene, previous) {
	const { visitor, ticket, connection, replay } = scene;
	if (visitor.name !== previous.visitor.name) return visitorNews(visitor);
	if (replay.name === "tried" && previous.replay !== replay) return `The spent ticket was ${replay.outcome.admitted ? "admitted" : "refused"}: ${closeText(replay.outcome)}`;
	if (connection.name !== previous.connection.name) return connectionLabel(connection).text;
	if (ticket.name !== previous.ticket.name) return `Ticket: ${ticketLabel(ticket).text}`;
}
function visitorNews(visitor) {
	switch (visitor.name) {
		case "here": return `Signed in as ${visitor.person.name}`;
		case "left": {
			const { close } = visitor.departure;
			return close === void 0 ? "Signed out" : `Signed out. The socket closed: ${closeText(close)}`;
		}
		default: return;
	}
}
// page/messages.ts
const EVENT_ORDER = [
	"agent_started",
	"agent_thinking",
	"tool_executing",
	"tool_completed",
	"agent_completed"
];
const isText = (value) => typeof value === "string";
const isPresent = (value) => value !== void 0;
const isBoolean = (value) => typeof value === "boolean";
const isDuration = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isTime = (value) => typeof value === "string" && value !== "" || isDuration(value);
const COMMON = {
	timestamp: isTime,
	user_id: isText,
	thread_id: isText,
	run_id: isText
};
const REQUIRED = {
	agent_started: {
		agent_name: isText,
		task_description: isText
	},
	agent_thinking: { reasoning: isText },
	tool_executing: {
		tool_name: isText,
		tool_args: isPresent,
		execution_id: isText
	},
	tool_completed: {
		tool_name: isText,
		results: isPresent,
		execution_time: isDuration,
		success: isBoolean,
		execution_id: isText
	},
	agent_completed: {
		status: isText,
		final_response: isText
	},
	agent_error: {}
};
const RAW_LIMIT = 400;
function readMessage(data) {
	if (typeof data !== "string") return {
		kind: "unreadable",
		why: "a binary message",
		raw: ""
	};
	const json = parse(data);
	if (typeof json !== "object" || json === null || Array.isArray(json)) return unreadable("not a JSON object", data);
	const fields = json;
	if (fields.type === "connected") return readConnected(fields) ?? unreadable("a malformed \"connected\" message", data);
	if (fields.type === "error" && typeof fields.detail === "string") return {
		kind: "error",
		detail: fields.detail
	};
	return readEvent(fields, data);
}
function readEvent(json, data) {
	const type = json.type;
	if (typeof type !== "string" || !Object.hasOwn(REQUIRED, type)) return unreadable("an unknown type of message", data);
	const faulty = Object.entries({
		...COMMON,
		...REQUIRED[type]
	}).find(([field, check]) => !check(json[field]));
	if (faulty !== void 0) return unreadable(`"${type}" with a missing or malformed "${faulty[0]}"`, data);
	const { type: _, ...rest } = json;
	return {
		kind: "event",
		type,
		threadId: json.thread_id,
		runId: json.run_id,
		fields: new Map(Object.entries(rest))
	};
}
function readConnected(json) {
	const { path, headers, user_id: userId } = json;
	if (typeof path !== "string" || typeof userId !== "string" || !Array.isArray(headers)) return void 0;
	return headers.every(isPair) ? {
		kind: "connected",
		path,
		headers,
		userId
	} : void 0;
}
function isPair(value) {
	return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string");
}
function unreadable(why, data) {
	return {
		kind: "unreadable",
		why,
		raw: data.length > RAW_LIMIT ? `${data.slice(0, RAW_LIMIT)}…` : data
	};
}
function parse(data) {
	try {
		return JSON.parse(data);
	} catch {
		return;
	}
}
// page/runs.ts
var Runs = class {
	#limit;
	#runs = new Map();
	#prompts = new Map();
	constructor(limit = 20) {
		this.#limit = limit;
	}
	asked(threadId, prompt) {
		this.#prompts.set(threadId, prompt);
	}
	arrived(event) {
		const known = this.#runs.get(event.runId);
		const prompt = this.#prompts.get(event.threadId);
		const run = {
			runId: event.runId,
			prompt,
			events: [...known?.events ?? [], event]
		};
		this.#runs.set(event.runId, run);
		this.#forgetOldest();
		return run;
	}
	has(runId) {
		return this.#runs.has(runId);
	}
	#forgetOldest() {
		const oldest = this.#runs.values().next();
		if (this.#runs.size <= this.#limit || oldest.done) return;
		const { runId, events } = oldest.value;
		this.#runs.delete(runId);
		this.#prompts.delete(events[0]?.threadId ?? "");
	}
};
function progress(events) {
	let expected = ["agent_started"];
	for (const { type } of events) {
		if (!expected.includes(type)) return "out_of_order";
		expected = after$1(type);
	}
	const last = events.at(-1)?.type;
	if (last === "agent_error") return "failed";
	return last === EVENT_ORDER.at(-1) ? "complete" : "running";
}
function after$1(type) {
	switch (type) {
		case "agent_started":
		case "agent_thinking":
		case "tool_completed": return [
			"agent_thinking",
			"tool_executing",
			"agent_completed",
			"agent_error"
		];
		case "tool_executing": return ["tool_completed", "agent_error"];
		case "agent_completed":
		case "agent_error": return [];
	}
}
// page/timeline.ts
const REMARK_LIMIT = 50;
const TITLES = {
	agent_started: "Started",
	agent_thinking: "Thinking",
	tool_executing: "Tool called",
	tool_completed: "Tool answered",
	agent_completed: "Completed",
	agent_error: "Failed"
};
const HEADLINES = {
	agent_started: "task_description",
	agent_thinking: "reasoning",
	agent_completed: "final_response"
};
const COMMON_FIELDS = [
	"timestamp",
	"user_id",
	"thread_id",
	"run_id"
];
const PROGRESS_WORDS = {
	running: "running",
	complete: "complete, in order",
	failed: "failed",
	out_of_order: "out of order"
};
var Timeline = class {
	#list = byId("timeline", HTMLElement);
	#empty = byId("timeline-empty", HTMLElement);
	#runs = new Runs();
	#views = new Map();
	clear() {
		this.#runs = new Runs();
		this.#views.clear();
		this.#list.replaceChildren();
		this.#empty.hidden = false;
	}
	asked(threadId, prompt) {
		this.#runs.asked(threadId, prompt);
	}
	event(event) {
		const run = this.#runs.arrived(event);
		const view = this.#views.get(run.runId) ?? this.#addRun(run.runId, run.prompt);
		const standing = progress(run.events);
		view.item.dataset.progress = standing;
		view.state.textContent = `${run.events.length} ${run.events.length === 1 ? "event" : "events"}, ${PROGRESS_WORDS[standing]}`;
		view.events.append(eventItem(event));
		view.events.lastElementChild?.scrollIntoView({ block: "nearest" });
	}
	remark(text, raw) {
		const item = element("li", { class: "remark" }, element("p", {}, text));
		if (raw !== void 0 && raw !== "") item.append(element("pre", {}, code(raw)));
		this.#append(item);
		const remarks = this.#list.querySelectorAll(":scope > .remark");
		if (remarks.length > REMARK_LIMIT) remarks[0]?.remove();
	}
	#addRun(runId, prompt) {
		const state = element("p", { class: "run-state" });
		const title = element("p", { class: prompt === void 0 ? "run-prompt quiet" : "run-prompt" }, prompt === void 0 ? "Asked in another tab of yours" : prompt);
		const events = element("ol", { class: "events" });
		const item = element("li", { class: "run" }, element("div", { class: "run-head" }, title, state), events);
		this.#append(item);
		const view = {
			item,
			state,
			events
		};
		this.#views.set(runId, view);
		return view;
	}
	#append(item) {
		this.#empty.hidden = true;
		this.#list.append(item);
		this.#dropForgottenRuns();
	}
	#dropForgottenRuns() {
		for (const [runId, view] of this.#views) {
			if (this.#runs.has(runId)) continue;
			view.item.remove();
			this.#views.delete(runId);
		}
	}
};
function eventItem(event) {
	const headline = HEADLINES[event.type];
	const item = element("li", {
		class: "event",
		"data-event": event.type
	});
	const step = EVENT_ORDER.indexOf(event.type);
	const mark = element("span", {
		class: "event-mark",
		"aria-hidden": "true"
	}, step < 0 ? "!" : String(step + 1));
	const title = element("h3", {}, TITLES[event.type], " ", element("code", { class: "quiet" }, event.type));
	item.append(mark, element("div", { class: "event-body" }, title, ...headlineOf(event, headline), ...fieldLists(event, headline)));
	return item;
}
function headlineOf(event, headline) {
	if (headline === void 0) return [];
	return [element("p", {
		class: "event-headline",
		"data-field": headline
	}, shown(event.fields.get(headline)))];
}
function fieldLists(event, headline) {
	const rest = [...event.fields].filter(([name]) => name !== headline);
	const own = rest.filter(([name]) => !COMMON_FIELDS.includes(name));
	const common = rest.filter(([name]) => COMMON_FIELDS.includes(name));
	return [fieldList("event-fields", own), fieldList("event-fields common", common)].filter((list) => list.hasChildNodes());
}
function shownField(field, value) {
	if (field !== "timestamp" || typeof value !== "number") return code(shown(value));
	return element("time", { title: `${value} Unix seconds` }, exactClock(value));
}
function fieldList(name, fields) {
	const rows = fields.map(([field, value]) => element("div", {}, ...factRow({
		name: field,
		value: shownField(field, value),
		field
	})));
	return element("dl", { class: name }, ...rows);
}
// ../packages/admitone/src/errors.ts
const FINAL = [
	"not_logged_in",
	"forbidden",
	"origin_not_allowed",
	"not_found",
	"tickets_disabled",
	"bad_answer",
	"token_failed",
	"revoked",
	"aborted",
	"closed_by_upstream",
	"not_open"
];
function isFinal(code) {
	return code.startsWith("invalid_") || FINAL.includes(code);
}
var AdmitError = class extends Error {
	name = "AdmitError";
	code;
	constructor(code, message, details = {}) {
		super(message, details);
		this.code = code;
		Object.assign(this, details);
	}
	requiresLogin() {
		return this.code === "not_logged_in" || this.code === "revoked";
	}
	retryable() {
		return !isFinal(this.code);
	}
};
// ../packages/admitone/src/carriers.ts
const VERSION_MARKER = "admitone.v1";
const REFUSED_MARKER = "admitone.refused";
const TICKET = "admitone.ticket.";
const BEARER = "bearer.";
const KUBERNETES = "base64url.bearer.authorization.k8s.io.";
const CARRIER = /^(admitone\.ticket\.(?:adm1_)?|bearer\.|jwt\.|jwt-auth\.|base64url\.bearer\.authorization\.k8s\.io\.).*/is;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
function offerProtocols(credential, protocols = []) {
	checkProtocols(protocols);
	return [
		...protocols,
		VERSION_MARKER,
		REFUSED_MARKER,
		carrierOf(credential)
	];
}
function checkProtocols(protocols) {
	for (const [index, protocol] of protocols.entries()) if (protocols.indexOf(protocol) < index || !TOKEN.test(protocol) || isReserved(protocol)) throw new AdmitError("invalid_protocol", `protocols[${index}] repeats, is no token, or is reserved`);
}
function shownProtocol(offered, selected) {
	const own = offered.includes(selected);
	return {
		protocol: own && !isReserved(selected) ? selected : "",
		refused: own && selected === "admitone.refused"
	};
}
function redactProtocol(protocol) {
	return protocol.replace(CARRIER, "$1…");
}
function carrierOf({ kind, value }) {
	const isToken = TOKEN.test(value);
	if (typeof value === "string" && (isToken || kind === "jwt" && value)) {
		if (kind === "ticket") return TICKET + value;
		return isToken ? BEARER + value : KUBERNETES + base64url(value);
	}
	throw new AdmitError("invalid_credential", `the ${kind} is none`);
}
function isReserved(protocol) {
	return /^admitone\./i.test(protocol) || CARRIER.test(protocol);
}
function binaryOf(text) {
	return String.fromCharCode(...new TextEncoder().encode(text));
}
function base64url(text) {
	return btoa(binaryOf(text)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
// ../packages/admitone/src/close-codes.ts
const CLOSE_CODES = {
	session_expired: 4800,
	ticket_not_accepted: 4801,
	upstream_unavailable: 4802,
	over_limit: 4803,
	store_unavailable: 4804,
	revoked: 4900,
	not_logged_in: 4901,
	forbidden: 4902,
	draining: 1012,
	overloaded: 1013
};
function closeCodeOf(name) {
	return Object.hasOwn(CLOSE_CODES, name) ? CLOSE_CODES[name] : void 0;
}
function readClose(code, reason) {
	const name = /^admitone:([a-z0-9_]{1,64})$/.exec(reason)?.[1];
	return name ? {
		name,
		next: nextByBand(closeCodeOf(name) ?? code)
	} : void 0;
}
function nextByBand(code) {
	return code > 4799 && code < 4900 || code === 1012 || code === 1013 ? "mint_again" : "stop";
}
// ../packages/admitone/src/close.ts
function faultOfClose(code, reason) {
	if (code !== void 0 && code !== 1e3 && !(Number.isInteger(code) && code >= 3e3 && code <= 4999)) return `code ${code} is neither 1000 nor 3000–4999`;
	const bytes = new TextEncoder().encode(reason).length;
	return bytes > 123 ? `the reason has ${bytes} bytes, 123 at most` : void 0;
}
// ../packages/admitone/src/attempt.ts
var Attempt = class {
	link;
	handshake;
	protocol = "";
	#number;
	#settings;
	#abort = new AbortController();
	#events;
	#credential;
	constructor(number, settings, events) {
		this.#number = number;
		this.#settings = settings;
		this.#events = events;
	}
	async acquire(kind) {
		try {
			const { source, route } = this.#settings;
			const minted = kind === "ticket" ? await source.acquire({
				signal: this.signal,
				maxRetries: 0,
				route
			}) : void 0;
			const value = minted ? minted.ticket : await source.token();
			if (!this.#events) return;
			this.#credential = {
				kind,
				value
			};
			const url = this.#settings.url || minted?.websocketUrl;
			if (!url) throw new AdmitError("invalid_url", "no url, and no websocketUrl of the source");
			const session = minted ? { sessionId: minted.sessionId } : {};
			this.handshake = {
				attempt: this.#number,
				url,
				offered: [],
				...session
			};
			this.#tell({ type: "acquired" });
		} catch (thrown) {
			this.#fail("acquire_failed", asAdmitError(thrown));
		}
	}
	get signal() {
		return this.#abort.signal;
	}
	dial(prepare) {
		const credential = this.#credential;
		this.#credential = void 0;
		if (!credential || !this.handshake) return;
		try {
			const { link, offered } = this.#settings.dial(this.handshake.url, credential);
			this.handshake = {
				...this.handshake,
				offered: offered.map(redactProtocol)
			};
			this.link = link;
			prepare(link);
			this.#listen(link, offered);
		} catch (thrown) {
			this.#fail("dial_failed", dialError(thrown));
		}
	}
	release() {
		this.#events = void 0;
		this.#credential = void 0;
		this.#abort.abort();
		if (this.link) this.link.onopen = this.link.onmessage = this.link.onclose = null;
	}
	#listen(link, offered) {
		link.onopen = () => this.#opened(offered, link.protocol);
		link.onmessage = (event) => this.#events?.message(event);
		link.onclose = ({ code, reason, error }) => error ? this.#fail("dial_failed", error) : this.#tell({
			type: "closed",
			code,
			reason
		});
		link.onerror = () => {};
	}
	#opened(offered, selected) {
		const { protocol, refused } = shownProtocol(offered, selected);
		this.protocol = protocol;
		if (this.handshake && selected) this.handshake = {
			...this.handshake,
			selected: redactProtocol(selected)
		};
		this.#tell({
			type: "opened",
			selected: refused ? REFUSED_MARKER : protocol
		});
	}
	#fail(type, error) {
		this.#tell({
			type,
			error
		}, error);
	}
	#tell(input, error) {
		this.#events?.input({
			...input,
			attempt: this.#number
		}, error);
	}
};
function asAdmitError(thrown) {
	if (thrown instanceof AdmitError) return thrown;
	return new AdmitError("bad_answer", "the source threw no AdmitError", { cause: thrown });
}
function dialError(thrown) {
	if (thrown instanceof AdmitError) return thrown;
	const { name } = Object(thrown);
	return new AdmitError(/^(Syntax|Security)Error$/.test(name ?? "") ? "invalid_url" : "connection_failed", `${name} of the constructor: is the URL allowed here?`);
}
// ../packages/admitone/src/backoff.ts
function backoffMs(retry, baseMs, capMs, random, retryAfterMs = 0) {
	return retryAfterMs + Math.floor(random() * Math.min(capMs, baseMs * 2 ** (retry - 1)));
}
// ../packages/admitone/src/machine.ts
const MACHINE_DEFAULTS = {
	fallback: "none",
	tickets: true,
	acquireTimeoutMs: 1e4,
	openTimeoutMs: 1e4,
	closeTimeoutMs: 3e3,
	retryBaseMs: 1e3,
	retryCapMs: 1e4,
	maxRetries: 10,
	stableAfterMs: 1e4,
	retryCodes: []
};
const TRANSITIONS = {
	connect: {
		idle: restart,
		closed: restart
	},
	acquired: { acquiring: dial },
	acquire_failed: { acquiring: failed },
	dial_failed: {
		dialing: failed,
		closing: hungUp
	},
	opened: { dialing: opened },
	closed: {
		dialing: endedUnopened,
		refused: endedUnopened,
		open: endedOpen,
		closing: endedClosing
	},
	close: {
		acquiring: abandoned,
		waiting: hungUp,
		dialing: hangUp,
		refused: hangUp,
		open: hangUp
	},
	wake: { waiting: wake },
	login_changed: { open: renew },
	timeout: {
		acquiring: acquiringTooLong,
		dialing: dialingTooLong,
		refused: dialingTooLong,
		waiting: begin$1,
		closing: hungUp
	}
};
const LOST_CODES = [
	1001,
	1005,
	1006,
	1011,
	1012,
	1013,
	1014
];
const LOST = 1006;
const MINT_FALLS_BACK = [
	"tickets_disabled",
	"unavailable",
	"network",
	"timeout"
];
const DIAL_FALLS_BACK = [
	"ticket_not_accepted",
	"store_unavailable",
	"connection_failed"
];
function newMachine(options = {}) {
	return {
		options: {
			...MACHINE_DEFAULTS,
			...options
		},
		state: { name: "idle" },
		attempts: 0,
		retries: 0
	};
}
function wakeAt({ state }) {
	return "until" in state ? state.until : null;
}
function advance(machine, input, now, random) {
	const transition = TRANSITIONS[input.type][machine.state.name];
	const isOfAnother = "attempt" in input && input.attempt !== machine.attempts;
	const isEarly = input.type === "timeout" && now < (wakeAt(machine) ?? now);
	if (!transition || isOfAnother || isEarly) return {
		machine,
		actions: []
	};
	const turn = {
		...machine,
		met: machine.state,
		input,
		now,
		random,
		actions: []
	};
	transition(turn);
	const { options, state, attempts, retries, actions, cause } = turn;
	return {
		machine: {
			options,
			state,
			attempts,
			retries
		},
		actions,
		cause
	};
}
function restart(turn) {
	turn.retries = 0;
	begin$1(turn);
}
function begin$1(turn) {
	const { tickets, fallback } = turn.options;
	if (tickets || fallback === "jwt") acquire(turn, tickets ? "ticket" : "jwt");
	else close(turn, { code: "tickets_disabled" });
}
function acquire(turn, credential) {
	turn.attempts += 1;
	ask$1(turn, "acquire", { credential });
	enter(turn, "acquiring", turn.options.acquireTimeoutMs, { credential });
}
function dial(turn) {
	const { credential } = turn.met;
	ask$1(turn, "dial", { credential });
	enter(turn, "dialing", turn.options.openTimeoutMs, { credential });
}
function failed(turn) {
	const { code, retryAfterMs } = turn.input.error;
	fail(turn, { code }, !isFinal(code), retryAfterMs);
}
function fail(turn, cause, again, retryAfterMs) {
	const { options, met } = turn;
	const codes = met.name === "acquiring" ? MINT_FALLS_BACK : DIAL_FALLS_BACK;
	if (options.fallback === "jwt" && met.credential === "ticket" && codes.includes(cause.code)) {
		turn.cause = cause;
		acquire(turn, "jwt");
	} else end(turn, cause, again, retryAfterMs);
}
function opened(turn) {
	const { until, ...attempting } = turn.met;
	turn.state = turn.input.selected === "admitone.refused" ? {
		...attempting,
		name: "refused",
		until
	} : {
		...attempting,
		name: "open",
		since: turn.now
	};
}
function endedUnopened(turn) {
	const ours = readClose(turn.input.code, turn.input.reason);
	fail(turn, causeOf(ours?.name ?? "connection_failed", turn.input), ours?.next !== "stop");
}
function endedOpen(turn) {
	const { met, input, now } = turn;
	const { stableAfterMs, retryCodes, tickets } = turn.options;
	if (now - met.since >= stableAfterMs) turn.retries = 0;
	const ours = readClose(input.code, input.reason);
	const again = ours ? ours.next === "mint_again" : [...LOST_CODES, ...retryCodes].includes(input.code);
	if (tickets && ours?.name === "draining") turn.actions.push({ type: "prefetch" });
	end(turn, causeOf(ours?.name ?? (again ? "connection_lost" : "closed_by_upstream"), input), again);
}
function endedClosing(turn) {
	close(turn, causeOf("closed_by_application", turn.input));
}
function hungUp(turn) {
	close(turn, { code: "closed_by_application" });
}
function abandoned(turn) {
	ask$1(turn, "abandon");
	hungUp(turn);
}
function hangUp(turn) {
	ask$1(turn, "hang_up", turn.input);
	enter(turn, "closing", turn.options.closeTimeoutMs);
}
function wake(turn) {
	const { met, now, random } = turn;
	const { tickets, retryBaseMs } = turn.options;
	if (now < (met.notBefore ?? now)) return;
	if (tickets) turn.actions.push({ type: "prefetch" });
	turn.state = {
		...met,
		until: Math.min(met.until, now + Math.floor(random() * retryBaseMs))
	};
}
function renew(turn) {
	if (turn.met.credential === "ticket") ask$1(turn, "renew");
}
function acquiringTooLong(turn) {
	ask$1(turn, "abandon");
	fail(turn, { code: "timeout" }, true);
}
function dialingTooLong(turn) {
	ask$1(turn, "hang_up");
	fail(turn, { code: "connection_failed" }, true);
}
function end(turn, cause, again, retryAfterMs) {
	const { maxRetries, retryBaseMs, retryCapMs } = turn.options;
	if (!again) close(turn, cause);
	else if (turn.retries >= maxRetries) close(turn, {
		...cause,
		gaveUp: true
	});
	else {
		turn.retries += 1;
		const until = turn.now + backoffMs(turn.retries, retryBaseMs, retryCapMs, turn.random, retryAfterMs);
		const asked = retryAfterMs === void 0 ? {} : { notBefore: turn.now + retryAfterMs };
		turn.state = {
			name: "waiting",
			retry: turn.retries,
			until,
			cause,
			...asked
		};
	}
}
function close(turn, cause) {
	turn.state = {
		name: "closed",
		cause
	};
}
function causeOf(code, { code: received, reason }) {
	return received === LOST ? { code } : {
		code,
		close: {
			code: received,
			reason
		}
	};
}
function enter(turn, name, ms, more) {
	turn.state = {
		name,
		attempt: turn.attempts,
		until: turn.now + ms,
		...more
	};
}
function ask$1(turn, type, more) {
	turn.actions.push({
		...more,
		type,
		attempt: turn.attempts
	});
}
// ../packages/admitone/src/returns.ts
function onReturn(back, signal) {
	const { document } = globalThis;
	const listen = globalThis.addEventListener;
	if (!listen) return;
	listen("online", back, { signal });
	listen("pageshow", (event) => event.persisted && back(), { signal });
	document?.addEventListener("visibilitychange", () => document.hidden || back(), { signal });
}
function onLeave(leave, signal) {
	globalThis.addEventListener?.("pagehide", leave, { signal });
}
// ../packages/admitone/src/time.ts
const LONGEST_TIMER_MS = 2 ** 31 - 1;
function after(ms, run) {
	return setTimeout(run, Math.min(ms, LONGEST_TIMER_MS));
}
function stopwatch() {
	const steady = performance.now();
	const wall = Date.now();
	return () => Math.max(performance.now() - steady, Date.now() - wall);
}
async function within(ms, outer, run) {
	const inner = new AbortController();
	const over = pause(ms, outer, inner.signal).then(() => {
		throw outer?.aborted ? new AdmitError("aborted", "ended by its caller") : new AdmitError("timeout", `no answer within ${ms} ms`);
	});
	try {
		return await Promise.race(outer?.aborted ? [over] : [over, run(inner.signal)]);
	} finally {
		inner.abort();
	}
}
function pause(ms, ...signals) {
	return new Promise((resolve) => {
		const end = () => {
			clearTimeout(timer);
			for (const signal of signals) signal?.removeEventListener("abort", end);
			resolve();
		};
		const timer = after(ms, end);
		for (const signal of signals) signal?.addEventListener("abort", end);
		if (signals.some((signal) => signal?.aborted)) end();
	});
}
// ../packages/admitone/src/driver.ts
const AGAINST_LOGIN = [
	"ticket_not_accepted",
	"not_logged_in",
	"forbidden",
	"revoked"
];
var Driver = class {
	attempt;
	fallbackReason;
	machine;
	#settings;
	#face;
	#untold = [];
	#telling = true;
	#timer;
	#during = new AbortController();
	constructor(settings, face) {
		this.#settings = settings;
		this.#face = face;
		this.machine = newMachine(settings.machine);
		queueMicrotask(() => {
			this.#telling = false;
			this.tell();
		});
	}
	get state() {
		return this.machine.state;
	}
	get method() {
		return "credential" in this.state ? this.state.credential : void 0;
	}
	set(options) {
		this.machine = {
			...this.machine,
			options: {
				...this.machine.options,
				...options
			}
		};
	}
	feed(input, error) {
		const previous = this.state;
		if (input.type === "connect" || input.type === "timeout") this.set({ tickets: this.#settings.enabled() });
		const { machine, actions, cause } = advance(this.machine, input, performance.now(), Math.random);
		this.machine = machine;
		this.#setTimer();
		if (machine.state !== previous) this.#changed(previous, cause, error);
		for (const action of actions) this.#perform(action, cause);
		if (!("attempt" in this.state)) this.attempt?.release();
		this.tell();
	}
	close(code, reason) {
		this.feed({
			type: "close",
			code: reason === void 0 ? code : code ?? 1e3,
			reason
		});
	}
	tell(...calls) {
		this.#untold.push(...calls);
		if (this.#telling) return;
		this.#telling = true;
		for (let call = this.#untold.shift(); call; call = this.#untold.shift()) call();
		this.#telling = false;
	}
	#changed(previous, jumped, error) {
		const { state } = this;
		const cause = jumped ?? ("cause" in state ? state.cause : void 0);
		if (cause && AGAINST_LOGIN.includes(cause.code)) this.#settings.source.clear();
		this.#during.abort();
		this.#during = new AbortController();
		const { signal } = this.#during;
		if (state.name === "waiting") onReturn(() => this.feed({ type: "wake" }), signal);
		if (state.name === "open" && this.#face.endsOnLeave) onLeave(() => this.attempt?.link?.close(), signal);
		this.#untold.push(() => this.#face.changed(state, previous, error ?? failureOf(previous, cause)));
	}
	#perform(action, cause) {
		const { attempt } = this;
		const { source, route } = this.#settings;
		switch (action.type) {
			case "acquire":
				attempt?.release();
				this.fallbackReason = action.credential === "jwt" ? cause?.code ?? "tickets_off" : void 0;
				this.attempt = new Attempt(action.attempt, this.#settings, {
					input: (input, error) => this.feed(input, error),
					message: (event) => {
						if (this.state.name === "open") this.tell(() => this.#face.message(event));
					}
				});
				this.attempt.acquire(action.credential);
				break;
			case "dial":
				attempt?.dial((link) => this.#face.dialed?.(link));
				break;
			case "hang_up":
				if (action.code === void 0) attempt?.link?.close();
				else attempt?.link?.close(action.code, action.reason);
				break;
			case "abandon":
				attempt?.release();
				break;
			case "prefetch":
				source.prefetch(route);
				break;
			case "renew": if (attempt?.handshake?.sessionId) this.#face.renew?.(attempt.handshake.sessionId, attempt.signal);
		}
	}
	#setTimer() {
		clearTimeout(this.#timer);
		const wake = wakeAt(this.machine);
		if (wake === null) return;
		this.#timer = after(Math.max(0, wake - performance.now()), () => this.feed({ type: "timeout" }));
	}
};
function failureOf(previous, cause) {
	const { code, close } = cause ?? {};
	if (!code || code === "closed_by_application" || code === "closed_by_upstream") return void 0;
	const reason = close ? ` (${close.code} ${close.reason})` : "";
	return new AdmitError(code, `${previous.name}, then ${code}${reason}`, { close });
}
// ../packages/admitone/src/events.ts
const AdmitEventTarget = EventTarget;
// ../packages/admitone/src/link.ts
function socketDial(Socket, protocols) {
	return (url, credential) => {
		const offered = offerProtocols(credential, protocols);
		return {
			link: new Socket(url, offered),
			offered
		};
	};
}
// ../packages/admitone/src/option-rules.ts
const isFunction = (given) => typeof given === "function";
const isFlag = (given) => typeof given === "boolean";
const FUNCTION = ["a function", isFunction];
const AMOUNT = ["a number from 0 on", (given) => Number.isFinite(given) && Number(given) >= 0];
const ANYTHING = ["", () => true];
const RULES = {
	source: ["a TicketSource, or gateway and token", (given) => isFunction(Object(given).token)],
	gateway: ["an http(s) URL", (given) => hasScheme(given, /^http/)],
	token: FUNCTION,
	fetch: FUNCTION,
	WebSocket: FUNCTION,
	url: ["a ws(s) or http(s) URL", (given) => hasScheme(given, /^(ws|http)/)],
	metadata: ["an object of JSON", isJson],
	protocols: ["strings", (given) => [given].flat().every((item) => typeof item === "string")],
	fallback: ["'none' or 'jwt'", (given) => given === "none" || given === "jwt"],
	enabled: ["a boolean or a function", (given) => isFlag(given) || isFunction(given)],
	autoConnect: ["a boolean", isFlag],
	retryCodes: ["integers", (given) => Array.isArray(given) && given.every(Number.isInteger)]
};
function checkOptions(options, ...required) {
	const given = Object(options);
	for (const name of [...required, ...Object.keys(given)]) {
		const [allowed, fits] = RULES[name] ?? (/(Ms|Retries)$/.test(name) ? AMOUNT : ANYTHING);
		const value = given[name];
		if (value === void 0 ? required.includes(name) : !fits(value)) throw new AdmitError("invalid_options", `option ${name}: expected ${allowed}, got ${typeof value}`);
	}
}
function isOn(enabled = true) {
	try {
		return Boolean(typeof enabled === "function" ? enabled() : enabled);
	} catch {
		return true;
	}
}
function parseUrl(given) {
	if (typeof given !== "string" && !(given instanceof URL)) return void 0;
	try {
		return new URL(given, globalThis.location?.href);
	} catch {
		return;
	}
}
function hasScheme(given, scheme) {
	return scheme.test(parseUrl(given)?.href ?? "");
}
function isJson(given) {
	try {
		return /^\{/.test(JSON.stringify(given));
	} catch {
		return false;
	}
}
// ../packages/admitone/src/answer.ts
const LONGEST_ANSWER = 65536;
async function readBody({ body }, take) {
	const reader = body?.getReader();
	const decoder = new TextDecoder();
	while (reader) {
		const { done, value } = await reader.read();
		if (done || !take(decoder.decode(value, { stream: true }))) return;
	}
}
async function readText(response) {
	let text = "";
	await readBody(response, (piece) => {
		text += piece;
		return text.length < LONGEST_ANSWER;
	});
	return text;
}
// ../packages/admitone/src/minted-ticket.ts
const NUMBER = /^-?\d/;
const RENEWED = {
	session_id: /^"./,
	expires_at: NUMBER,
	expires_in: NUMBER
};
const MINTED = {
	...RENEWED,
	ticket: /^"[\w-]+"$/,
	created_at: NUMBER,
	ttl_seconds: NUMBER,
	single_use: /^(true|false)$/,
	login_expires_at: /^(-?\d|undefined)/,
	websocket_url: /^"wss?:\/\/[^/?#"]/i,
	protocols: /^\[("[^"]+",?)+\]$/
};
var Minted = class {
	#ticket;
	#protocols;
	constructor({ ticket, protocols, ...shown }) {
		this.#ticket = ticket;
		this.#protocols = protocols;
		Object.assign(this, shown);
	}
	get ticket() {
		return this.#ticket;
	}
	get protocols() {
		return this.#protocols;
	}
};
function readMinted(text) {
	return new Minted(readAnswer(text, MINTED));
}
function readRenewed(text) {
	return readAnswer(text, RENEWED);
}
function readAnswer(text, forms) {
	const answer = readObject(text);
	const fields = Object.entries(forms).map(([name, form]) => {
		if (!form.test(JSON.stringify(answer[name]))) throw badAnswer(name);
		return [name.replace(/_./g, ([, letter = ""]) => letter.toUpperCase()), answer[name]];
	});
	return Object.fromEntries(fields);
}
function readObject(text) {
	try {
		return Object(JSON.parse(text));
	} catch {
		throw badAnswer("JSON");
	}
}
function badAnswer(missing) {
	return new AdmitError("bad_answer", `the answer has no proper ${missing}: is "gateway" its address?`);
}
// ../packages/admitone/src/problem.ts
const CODES = {
	401: "not_logged_in",
	403: "forbidden",
	404: "not_found",
	408: "unavailable",
	422: "invalid_body",
	425: "unavailable",
	429: "over_limit"
};
const PARTICULAR = ["403 origin_not_allowed", "404 tickets_disabled"];
function problemOf(response, text, keeps = () => false) {
	const { status, headers } = response;
	const { code: problemCode, ...problem } = readProblem(headers.get("content-type"), text);
	const code = (keeps(problemCode ?? "") || PARTICULAR.includes(`${status} ${problemCode}`)) && problemCode || (CODES[status] ?? (status < 500 ? "invalid_request" : "unavailable"));
	return new AdmitError(code, `the gateway answered ${status} ${[problemCode ?? code, problem.detail ?? problem.title].filter(Boolean).join(": ")}`, {
		status,
		retryAfterMs: retryAfterMs(headers),
		problemCode,
		problem
	});
}
function readProblem(mediaType, text) {
	if (!/^application\/problem\+json\s*(;|$)/i.test(mediaType ?? "")) return {};
	const textOf = (value) => typeof value === "string" ? value : void 0;
	try {
		const { code, title, detail } = Object(JSON.parse(text));
		return {
			code: /^[a-z0-9_]{1,64}$/.test(code) ? textOf(code) : void 0,
			title: textOf(title),
			detail: textOf(detail)
		};
	} catch {
		return {};
	}
}
function retryAfterMs(headers) {
	const value = headers.get("retry-after") ?? "";
	return /^\d+$/.test(value) ? Number(value) * 1e3 : void 0;
}
// ../packages/admitone/src/ticket-source.ts
const RETRY_CAP_MS = 1e4;
function createTicketSource(options) {
	checkOptions(options, "gateway", "token");
	const { timeoutMs = 1e4, retryDelayMs = 1e3, refreshThresholdMs = 3e4 } = options;
	const gateway = baseOf(options.gateway);
	const fields = {
		ttl_seconds: options.ttlSeconds,
		permissions: options.permissions,
		metadata: options.metadata
	};
	const stats = {
		mints: 0,
		failures: 0,
		retries: 0,
		prefetched: 0
	};
	const token = () => readToken(options.token);
	let epoch = 0;
	let loggedIn = new AbortController();
	let ahead;
	async function ask(path, body, read, { signal, maxRetries = options.maxRetries ?? 3 }) {
		for (let retry = 1;; retry += 1) try {
			return await within(timeoutMs, signal, async (inner) => {
				const login = await token();
				inner.throwIfAborted();
				const ageMs = stopwatch();
				return {
					read: read(await post(gateway + path, login, JSON.stringify(body), options.fetch ?? fetch, inner)),
					login,
					ageMs
				};
			});
		} catch (thrown) {
			const error = thrown;
			if (!error.retryable() || retry > maxRetries) throw error;
			stats.retries += 1;
			await pause(backoffMs(retry, retryDelayMs, RETRY_CAP_MS, Math.random, error.retryAfterMs), signal);
		}
	}
	async function mint({ route, ...retrying }) {
		const minted = await ask("/auth/ticket", {
			route,
			...fields
		}, readMinted, retrying);
		stats.mints += 1;
		return minted;
	}
	async function renew(sessionId, retrying = {}) {
		return (await ask(`/auth/session/${encodeURIComponent(sessionId)}/renew`, {}, readRenewed, retrying)).read;
	}
	async function revoke(ticket, retrying = {}) {
		await ask("/auth/ticket/revoke", { ticket }, () => {}, retrying);
	}
	function serves({ read: ticket, ageMs }) {
		const lifetimeMs = ticket.expiresIn * 1e3;
		return lifetimeMs - ageMs() > Math.min(refreshThresholdMs, lifetimeMs / 2);
	}
	async function takeAhead({ route, signal }) {
		const taken = ahead;
		if (!taken || taken.route !== route) return void 0;
		ahead = void 0;
		try {
			return await within(timeoutMs, signal, async () => {
				const minted = await taken.minting;
				return minted && serves(minted) && await token() === minted.login ? minted : void 0;
			});
		} catch (error) {
			if (error.code === "aborted" && taken.epoch === epoch) ahead ??= taken;
			throw error;
		}
	}
	async function acquire(given = {}) {
		const asked = {
			...given,
			route: options.route ?? given.route
		};
		try {
			if (!isOn(options.enabled)) throw new AdmitError("tickets_disabled", "option enabled is off");
			for (;;) {
				const begun = epoch;
				const waited = await takeAhead(asked);
				const minted = waited ?? await mint(asked);
				if (begun !== epoch) continue;
				if (waited) stats.prefetched += 1;
				return minted.read;
			}
		} catch (error) {
			stats.failures += 1;
			if (error.requiresLogin?.()) clear();
			throw error;
		}
	}
	async function prefetch(given) {
		const route = options.route ?? given;
		if (!isOn(options.enabled)) return;
		if (ahead?.route !== route || ahead?.minted && !serves(ahead.minted)) ahead = void 0;
		ahead ??= mintAhead(route);
		await ahead.minting;
	}
	function mintAhead(route) {
		const minting = mint({
			route,
			maxRetries: 0,
			signal: loggedIn.signal
		}).then((minted) => {
			mine.minted = minted;
			return minted;
		}, () => {
			stats.failures += 1;
			if (ahead === mine) ahead = void 0;
		});
		const mine = {
			route,
			epoch,
			minting
		};
		return mine;
	}
	function clear() {
		epoch += 1;
		ahead = void 0;
		loggedIn.abort();
		loggedIn = new AbortController();
	}
	return {
		acquire,
		prefetch,
		renew,
		revoke,
		clear,
		token,
		stats,
		get enabled() {
			return isOn(options.enabled);
		}
	};
}
async function post(url, login, body, send, signal) {
	const headers = {
		authorization: `Bearer ${login}`,
		"content-type": "application/json",
		accept: "application/json"
	};
	let response;
	let text;
	try {
		response = await send(url, {
			method: "POST",
			headers,
			body,
			redirect: "error",
			signal
		});
		text = await readText(response);
	} catch (cause) {
		throw new AdmitError("network", "the gateway was not reached, or redirects", { cause });
	}
	if (response.ok) return text;
	throw problemOf(response, text);
}
async function readToken(ask) {
	try {
		const token = await ask();
		if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
	} catch (cause) {
		throw new AdmitError("token_failed", "the token callback failed", { cause });
	}
	throw new AdmitError("token_failed", "the token is no string of visible ASCII");
}
function baseOf(gateway) {
	const { origin, pathname } = parseUrl(gateway);
	return origin + pathname.replace(/\/+$/, "");
}
// ../packages/admitone/src/options.ts
function readOptions(options) {
	const source = readSource(options, "WebSocket");
	const protocols = [options.protocols ?? []].flat();
	checkProtocols(protocols);
	const Socket = options.WebSocket ?? globalThis.WebSocket;
	return {
		...readTarget(options, source),
		dial: socketDial(Socket, protocols)
	};
}
function readSource(options, ...required) {
	checkOptions({
		...options,
		WebSocket: options?.WebSocket ?? globalThis.WebSocket
	}, ...required, ...options?.gateway === void 0 ? ["source"] : []);
	if (options.source) return options.source;
	const timeoutMs = options.acquireTimeoutMs ?? MACHINE_DEFAULTS.acquireTimeoutMs;
	return createTicketSource({
		...options,
		enabled: true,
		maxRetries: 3,
		timeoutMs
	});
}
function readTarget(options, source) {
	const url = parseUrl(options.url);
	if (options.fallback === "jwt" && !url) throw new AdmitError("invalid_options", "option url: fallback 'jwt' needs it");
	const given = Object.entries(options).filter(([key, value]) => key in MACHINE_DEFAULTS && value !== void 0);
	return {
		source,
		url: url?.href.replace(/#.*/, "").replace(/^http/, "ws"),
		route: url?.pathname,
		machine: Object.fromEntries(given),
		enabled: () => source.enabled !== false && isOn(options.enabled)
	};
}
// ../packages/admitone/src/connection.ts
var AdmitConnection = class extends AdmitEventTarget {
	#source;
	#driver;
	#binaryType;
	constructor(options) {
		super();
		const settings = readOptions(options);
		this.#source = settings.source;
		this.#binaryType = options.binaryType ?? "blob";
		this.#driver = new Driver(settings, {
			changed: (...change) => this.#announce(...change),
			message: ({ data, origin }) => this.dispatchEvent(new MessageEvent("message", {
				data,
				origin
			})),
			dialed: (socket) => {
				socket.binaryType = this.#binaryType;
			},
			renew: (...session) => void this.#renew(...session),
			endsOnLeave: true
		});
		if (options.autoConnect ?? true) this.connect();
	}
	get state() {
		return this.#driver.state;
	}
	get method() {
		return this.#driver.method;
	}
	get fallbackReason() {
		return this.method && this.#driver.fallbackReason;
	}
	get handshake() {
		return this.#driver.attempt?.handshake;
	}
	get protocol() {
		return this.state.name === "open" ? this.#driver.attempt?.protocol ?? "" : "";
	}
	get bufferedAmount() {
		return this.#socket?.bufferedAmount ?? 0;
	}
	get binaryType() {
		return this.#binaryType;
	}
	set binaryType(binaryType) {
		this.#binaryType = binaryType;
		if (this.#socket) this.#socket.binaryType = binaryType;
	}
	connect() {
		this.#driver.feed({ type: "connect" });
	}
	loginChanged() {
		this.#source.clear();
		this.#driver.feed({ type: "login_changed" });
	}
	send(data) {
		if (this.state.name !== "open" || this.#socket?.readyState !== 1) throw new AdmitError("not_open", `cannot send while ${this.state.name}`);
		this.#socket.send(data);
	}
	close(code, reason) {
		const fault = faultOfClose(code, reason);
		if (fault) throw new AdmitError("invalid_close", fault);
		this.#driver.close(code, reason);
	}
	get #socket() {
		return this.#driver.attempt?.link;
	}
	async #renew(sessionId, signal) {
		const event = await this.#source.renew(sessionId, { signal }).then((detail) => new CustomEvent("renewed", { detail }), (detail) => new CustomEvent("error", { detail }));
		if (!signal.aborted) this.#driver.tell(() => this.dispatchEvent(event));
	}
	#announce(state, previous, error) {
		const tell = (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail }));
		tell("statechange", {
			state,
			previous
		});
		if (state.name === "open") this.dispatchEvent(new Event("open"));
		if (error) tell("error", error);
		if (state.name === "waiting" || state.name === "closed") tell("close", {
			...state.cause,
			retrying: state.name === "waiting"
		});
	}
};
// page/held-source.ts
var HeldSource = class {
	#source;
	#watcher;
	#held;
	#given;
	constructor(source, watcher) {
		this.#source = source;
		this.#watcher = watcher;
	}
	get stats() {
		return this.#source.stats;
	}
	get given() {
		return this.#given;
	}
	async prefetch() {
		const ticket = await this.#mint().catch(() => void 0);
		if (ticket) this.#held = {
			ticket,
			until: performance.now() + ticket.expiresIn * 1e3
		};
	}
	async acquire(options) {
		const held = this.#held;
		this.#held = void 0;
		const unspent = held !== void 0 && performance.now() < held.until;
		this.#given = unspent ? held.ticket : await this.#mint(options);
		return this.#given;
	}
	renew(...session) {
		return this.#source.renew(...session);
	}
	revoke(...ticket) {
		return this.#source.revoke(...ticket);
	}
	clear() {
		this.#held = void 0;
		this.#source.clear();
	}
	token() {
		return this.#source.token();
	}
	async #mint(options) {
		this.#watcher.minting();
		try {
			const ticket = await this.#source.acquire(options);
			this.#watcher.minted(ticket);
			return ticket;
		} catch (error) {
			this.#watcher.mintFailed(error);
			throw error;
		}
	}
};
// page/login.ts
const REFRESH_BEFORE_MS = 3e4;
async function signIn(demo, person) {
	const asked = Date.now();
	const answer = await ask("the issuer", new URL("login", `${demo.issuer}/`), {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ person: person.id })
	});
	if (!answer.ok) throw new Error(`the issuer answered ${answer.status} to the login`);
	const { token, expires_in: lifetime } = await answer.json() ?? {};
	if (typeof token !== "string" || token === "") throw new Error("the issuer answered without a token");
	return {
		person,
		token,
		endsAt: asked + (typeof lifetime === "number" && lifetime > 0 ? lifetime : 0) * 1e3
	};
}
function isStale(login, now) {
	return now > login.endsAt - REFRESH_BEFORE_MS;
}
async function signOut(demo, login) {
	const answer = await ask("the gateway", new URL("auth/logout", `${demo.gateway}/`), {
		method: "POST",
		headers: {
			authorization: `Bearer ${login.token}`,
			"content-type": "application/json"
		},
		body: "{}"
	});
	const at = performance.now();
	if (!answer.ok) throw new Error(`the gateway answered ${answer.status} to the logout`);
	return {
		status: answer.status,
		at
	};
}
async function ask(whom, url, request) {
	try {
		return await fetch(url, request);
	} catch (cause) {
		throw new Error(`${whom} could not be reached`, { cause });
	}
}
// page/replay.ts
const GIVE_UP_MS = 1e4;
function presentAgain(ticket) {
	const began = performance.now();
	const socket = new WebSocket(ticket.websocketUrl, [...ticket.protocols]);
	const silence = setTimeout(() => socket.close(), GIVE_UP_MS);
	let selected = "";
	let admitted = false;
	socket.addEventListener("open", () => {
		selected = socket.protocol;
		admitted = !shownProtocol(ticket.protocols, selected).refused;
		if (admitted) socket.close(1e3);
	});
	return new Promise((resolve) => {
		socket.addEventListener("close", ({ code, reason }) => {
			clearTimeout(silence);
			resolve({
				admitted,
				selected,
				code,
				reason,
				tookMs: performance.now() - began
			});
		});
	});
}
// page/visit.ts
const CLOSE_WAIT_MS = 5e3;
const { handshake, protocol, upstream, leaked, replay } = EMPTY_SCENE;
const NOTHING_SEEN = {
	handshake,
	protocol,
	upstream,
	leaked,
	replay
};
var Visit = class Visit {
	#demo;
	#stage;
	#log;
	#source;
	#login;
	#connection;
	constructor(demo, stage, log, login) {
		this.#demo = demo;
		this.#stage = stage;
		this.#log = log;
		this.#login = login;
		this.#source = new HeldSource(this.#ticketsFor(() => this.#freshToken()), {
			minting: () => stage.set({
				...NOTHING_SEEN,
				ticket: { name: "minting" }
			}),
			minted: (ticket) => this.#minted(ticket),
			mintFailed: (error) => stage.set({ ticket: {
				name: "notMinted",
				refusal: refusalOf(error)
			} })
		});
	}
	static async begin(demo, person, stage, log) {
		stage.set({
			...EMPTY_SCENE,
			visitor: {
				name: "arriving",
				person
			}
		});
		const visit = new Visit(demo, stage, log, await signIn(demo, person));
		stage.set({ visitor: {
			name: "here",
			person
		} });
		return visit;
	}
	async mint() {
		this.#forgetConnection();
		await this.#source.prefetch();
	}
	connect(method) {
		this.#forgetConnection();
		if (method === "jwt") this.#bypassTickets();
		const connection = new AdmitConnection({
			source: this.#source,
			autoConnect: false,
			...method === "jwt" && {
				enabled: false,
				fallback: "jwt",
				url: socketUrl(this.#demo)
			}
		});
		this.#connection = connection;
		this.#follow(connection);
		connection.connect();
	}
	disconnect() {
		this.#connection?.close(1e3);
	}
	send(prompt) {
		const threadId = `thread-${crypto.randomUUID().slice(0, 8)}`;
		this.#connection?.send(JSON.stringify({
			type: "user_message",
			content: prompt,
			thread_id: threadId
		}));
		this.#log.asked(threadId, prompt);
	}
	async replay() {
		const ticket = this.#source.given;
		if (ticket === void 0 || this.#stage.scene.replay.name === "trying") return;
		this.#stage.set({ replay: { name: "trying" } });
		const outcome = await presentAgain(ticket);
		this.#stage.set({ replay: {
			name: "tried",
			outcome
		} });
	}
	async leave() {
		const { person } = this.#login;
		this.#stage.set({ visitor: {
			name: "leaving",
			person
		} });
		const asked = performance.now();
		const end = this.#nextClose(asked);
		try {
			const logout = await signOut(this.#demo, this.#login);
			const close = await end;
			this.#abandonConnection();
			const mint = await this.#mintWithOldLogin();
			const tookMs = logout.at - asked;
			const departure = {
				person,
				logoutStatus: logout.status,
				tookMs,
				...close,
				...mint
			};
			this.#stage.set({ visitor: {
				name: "left",
				departure
			} });
		} catch (error) {
			this.#stage.set({ visitor: {
				name: "here",
				person
			} });
			throw error;
		}
	}
	#ticketsFor(token) {
		return createTicketSource({
			gateway: this.#demo.gateway,
			route: this.#demo.route,
			token
		});
	}
	async #freshToken() {
		if (isStale(this.#login, Date.now())) this.#login = await signIn(this.#demo, this.#login.person);
		return this.#login.token;
	}
	#abandonConnection() {
		this.#connection?.close(1e3);
		this.#connection = void 0;
	}
	#forgetConnection() {
		this.#abandonConnection();
		this.#stage.set({
			...NOTHING_SEEN,
			connection: EMPTY_SCENE.connection
		});
	}
	#bypassTickets() {
		this.#source.clear();
		this.#stage.set({ ticket: { name: "bypassed" } });
	}
	#minted(ticket) {
		this.#stage.set({ ticket: {
			name: "unspent",
			ticket: factsOf(ticket)
		} });
	}
	#follow(connection) {
		const current = () => this.#connection === connection;
		connection.addEventListener("statechange", ({ detail }) => {
			if (current()) this.#stage.set({ connection: detail.state });
		});
		connection.addEventListener("open", () => {
			if (current()) this.#opened(connection);
		});
		connection.addEventListener("close", ({ detail }) => {
			if (current()) this.#closed(connection, detail);
		});
		connection.addEventListener("message", ({ data }) => {
			if (current()) this.#received(data);
		});
	}
	#opened(connection) {
		const { ticket } = this.#stage.scene;
		this.#stage.set({
			handshake: connection.handshake,
			protocol: connection.protocol,
			upstream: void 0
		});
		if (ticket.name !== "unspent") return;
		const afterMs = performance.now() - ticket.ticket.mintedAt;
		this.#stage.set({
			ticket: {
				...ticket,
				name: "redeemed",
				afterMs
			},
			replay: { name: "possible" }
		});
	}
	#closed({ handshake }, { code, close }) {
		const { ticket } = this.#stage.scene;
		if (ticket.name !== "unspent") return;
		const detail = close === void 0 ? "" : closeText(close);
		this.#stage.set({
			ticket: {
				...ticket,
				name: "refused",
				refusal: {
					code,
					detail
				}
			},
			handshake
		});
	}
	#received(data) {
		const message = readMessage(data);
		switch (message.kind) {
			case "connected":
				this.#stage.set({
					upstream: message,
					leaked: this.#hasSecret(message)
				});
				return;
			case "event":
				this.#log.event(message);
				return;
			case "error":
				this.#log.remark(`The upstream says: ${message.detail}`);
				return;
			case "unreadable": this.#log.remark(`Not understood: ${message.why}.`, message.raw);
		}
	}
	#hasSecret({ path, headers }) {
		const secrets = [this.#login.token, this.#source.given?.ticket].filter((secret) => secret !== void 0);
		const received = [path, ...headers.flat()];
		return secrets.some((secret) => received.some((text) => text.includes(secret)));
	}
	async #nextClose(asked) {
		const connection = this.#connection;
		if (connection === void 0 || !isConnecting(connection.state)) return {};
		return new Promise((resolve) => {
			const silence = setTimeout(() => resolve({}), CLOSE_WAIT_MS);
			const ended = ({ detail: { close } }) => {
				clearTimeout(silence);
				resolve(close === void 0 ? {} : { close: {
					...close,
					tookMs: performance.now() - asked
				} });
			};
			connection.addEventListener("close", ended, { once: true });
		});
	}
	async #mintWithOldLogin() {
		const { token } = this.#login;
		try {
			await this.#ticketsFor(() => token).acquire({ maxRetries: 0 });
			return {};
		} catch (error) {
			return { mint: refusalOf(error) };
		}
	}
};
function factsOf(ticket) {
	const { sessionId, ttlSeconds, expiresIn, singleUse } = ticket;
	return {
		sessionId,
		ttlSeconds,
		expiresIn,
		singleUse,
		length: ticket.ticket.length,
		mintedOn: new Date(),
		mintedAt: performance.now()
	};
}
function refusalOf(error) {
	if (!(error instanceof AdmitError)) return {
		code: "unknown",
		detail: "The mint failed."
	};
	const { code, status, message } = error;
	return {
		code,
		detail: message,
		...status !== void 0 && { status }
	};
}
// page/page.ts
const REMEMBERED_PERSON = "admitone.demo.person";
const panels = new Panels();
const timeline = new Timeline();
const stage = new Stage((scene, previous) => panels.show(scene, previous, stage));
let visit;
function attempt(act) {
	stage.set({ notice: "" });
	Promise.resolve().then(act).catch((error) => stage.set({ notice: `That did not work: ${reason(error)}.` }));
}
function reason(error) {
	return error instanceof Error ? error.message.replace(/\.$/, "") : "an unknown failure";
}
async function arrive(demo, person) {
	timeline.clear();
	try {
		visit = await Visit.begin(demo, person, stage, timeline);
		sessionStorage.setItem(REMEMBERED_PERSON, person.id);
	} catch (error) {
		stage.set({ visitor: { name: "away" } });
		throw error;
	}
}
async function leave() {
	await visit?.leave();
	timeline.clear();
	visit = void 0;
	sessionStorage.removeItem(REMEMBERED_PERSON);
}
function send(prompt) {
	const words = prompt.value.trim();
	if (words === "") return;
	visit?.send(words);
	prompt.select();
}
function listPeople(demo) {
	const buttons = demo.people.map((person) => {
		const initial = element("span", {
			class: "avatar",
			"aria-hidden": "true"
		}, person.name.slice(0, 1));
		const words = element("span", { class: "person-words" }, element("strong", {}, person.name), " ");
		words.append(element("span", { class: "quiet" }, person.email));
		const button = element("button", {
			type: "button",
			class: "person",
			"data-person": person.id
		}, initial, words);
		button.addEventListener("click", () => attempt(() => arrive(demo, person)));
		return element("li", {}, button);
	});
	panels.controls.people.replaceChildren(...buttons);
}
function listen() {
	const { connect, disconnect, mint, method, promptForm, prompt, replay, signOut, signOutHere } = panels.controls;
	connect.addEventListener("click", () => attempt(() => visit?.connect(byTicket(method) ? "ticket" : "jwt")));
	mint.addEventListener("click", () => attempt(() => visit?.mint()));
	disconnect.addEventListener("click", () => attempt(() => visit?.disconnect()));
	replay.addEventListener("click", () => attempt(() => visit?.replay()));
	signOut.addEventListener("click", () => attempt(leave));
	signOutHere.addEventListener("click", () => attempt(leave));
	method.addEventListener("change", () => stage.set({}));
	promptForm.addEventListener("submit", (event) => {
		event.preventDefault();
		attempt(() => send(prompt));
	});
}
async function begin() {
	listen();
	const demo = await fetchDemo();
	listPeople(demo);
	const operators = element("a", { href: demo.operators }, "operators’ page");
	byId("operators", HTMLElement).append("The ", operators, " shows the same from their side; its secret stands in the terminal.");
	const remembered = demo.people.find(({ id }) => id === sessionStorage.getItem(REMEMBERED_PERSON));
	if (remembered === void 0) stage.set({});
	else await arrive(demo, remembered);
}
attempt(begin);
