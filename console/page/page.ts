import { get, isSignedIn, SignedOut, signIn, signOut } from './api.js';
import { AuditList } from './audit-list.js';
import { byId } from './dom.js';
import { Figures } from './figures.js';
import { showNodes, statePill } from './node-list.js';
import { People } from './people.js';
import { Rollout } from './rollout.js';
import { Stream } from './stream.js';
import type { Nodes } from './summary.js';
import { shortNode } from './words.js';

const ALL = '';

const notice = byId('notice', HTMLElement);
const choice = byId('node', HTMLSelectElement);
const figures = new Figures(byId('tiles', HTMLElement), byId('plots', HTMLElement));
const audit = new AuditList(
  byId('audit', HTMLElement),
  byId('audit-filter', HTMLInputElement),
  byId('audit-pause', HTMLButtonElement),
);
const people = new People(
  {
    form: byId('people-form', HTMLFormElement),
    subject: byId('subject', HTMLInputElement),
    result: byId('people', HTMLElement),
    summary: byId('people-summary', HTMLElement),
  },
  attempt,
);
const rollout = new Rollout(byId('rollout', HTMLElement), attempt);
let stream: Stream | undefined;
let told: Nodes | undefined;

/** Runs what a control asks for; a failure becomes a notice, and the end of a login the form to sign in. */
function attempt(act: () => Promise<void>): void {
  tell('');
  act().catch(failed);
}

function failed(error: unknown): void {
  if (error instanceof SignedOut) leave('Your time here is over: sign in again.');
  else tell(error instanceof Error ? error.message : String(error));
}

function tell(words: string): void {
  notice.textContent = words;
  notice.hidden = words === '';
}

/** Shows what there is to see, for whoever is signed in. */
async function arrive(): Promise<void> {
  const status = (await get('api/status')) as { issuers?: readonly string[] };
  people.issuersAre(status.issuers ?? []);
  rollout.issuersAre(status.issuers ?? []);
  show(true);
  stream = new Stream({
    opened: () => {
      tell('');
      attempt(recall);
    },
    nodes: showTold,
    audit: (line) => audit.add(line),
    lost: () => tell('Some audit lines came too fast for this page and are missing here.'),
    broken: (reason) => tell(`${reason} Trying again.`),
    signedOut: () => leave('Your time here is over: sign in again.'),
  });
  await Promise.all([people.search(), rollout.refresh()]);
}

/** The lines of before. */
async function recall(): Promise<void> {
  const { lines } = (await get('api/audit')) as { lines: readonly string[] };
  for (const line of lines) audit.add(line);
}

function leave(words = ''): void {
  stream?.close();
  stream = undefined;
  told = undefined;
  audit.clear();
  people.clear();
  rollout.clear();
  figures.clear();
  show(false);
  tell(words);
}

function show(isSignedIn: boolean): void {
  byId('sign-in', HTMLElement).hidden = isSignedIn;
  byId('signed-in', HTMLElement).hidden = !isSignedIn;
  byId('masthead-controls', HTMLElement).hidden = !isSignedIn;
  if (!isSignedIn) byId('secret', HTMLInputElement).focus();
}

function showTold(nodes: Nodes): void {
  told = nodes;
  figures.add(nodes, performance.now());
  showChoice(nodes);
  showNodes(byId('nodes', HTMLElement), nodes);
  const here = nodes.nodes.find(({ node }) => node === nodes.here);
  byId('gateway-state', HTMLElement).replaceChildren(statePill(here?.status ?? ''));
  byId('nodes-missing', HTMLElement).hidden = nodes.isWhole;
  draw();
  // What another operator, another node or the guard has changed.
  if (!document.hidden) rollout.refresh().catch(failed);
}

function showChoice({ nodes }: Nodes): void {
  const names = [ALL, ...nodes.map(({ node }) => node)];
  const offered = [...choice.options].map(({ value }) => value);
  if (names.join('\n') === offered.join('\n')) return;
  const chosen = choice.value;
  const all = nodes.length === 1 ? 'this node' : `all ${nodes.length} nodes`;
  choice.replaceChildren(...names.map((name) => new Option(name === ALL ? all : shortNode(name), name)));
  choice.value = names.includes(chosen) ? chosen : ALL;
  byId('node-choice', HTMLElement).hidden = nodes.length === 1;
}

function draw(): void {
  if (told === undefined || document.hidden) return;
  const names = told.nodes.map(({ node }) => node);
  figures.draw(choice.value === ALL ? names : [choice.value], told.boundsMicros);
}

function listen(): void {
  const secret = byId('secret', HTMLInputElement);
  byId('sign-in-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(async () => {
      const typed = secret.value.trim();
      secret.value = '';
      secret.focus();
      await signIn(typed);
      await arrive();
    });
  });
  byId('sign-out', HTMLButtonElement).addEventListener('click', () =>
    attempt(async () => {
      leave();
      await signOut();
    }),
  );
  choice.addEventListener('change', draw);
  document.addEventListener('visibilitychange', draw);
}

listen();
attempt(async () => {
  if (await isSignedIn()) await arrive();
  else leave();
});
