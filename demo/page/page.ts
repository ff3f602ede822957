import { type Demo, fetchDemo, type Person } from './demo-json.js';
import { byId, element } from './element.js';
import { byTicket, Panels } from './panels.js';
import { Stage } from './scene.js';
import { Timeline } from './timeline.js';
import { Visit } from './visit.js';

const REMEMBERED_PERSON = 'admitone.demo.person';

const panels = new Panels();
const timeline = new Timeline();
const stage: Stage = new Stage((scene, previous) => panels.show(scene, previous, stage));
let visit: Visit | undefined;

/** Runs what a control asks for; a failure becomes a notice. */
function attempt(act: () => Promise<void> | void): void {
  stage.set({ notice: '' });
  Promise.resolve()
    .then(act)
    .catch((error: unknown) => stage.set({ notice: `That did not work: ${reason(error)}.` }));
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, '') : 'an unknown failure';
}

async function arrive(demo: Demo, person: Person): Promise<void> {
  timeline.clear();
  try {
    visit = await Visit.begin(demo, person, stage, timeline);
    sessionStorage.setItem(REMEMBERED_PERSON, person.id);
  } catch (error) {
    stage.set({ visitor: { name: 'away' } });
    throw error;
  }
}

async function leave(): Promise<void> {
  await visit?.leave();
  timeline.clear();
  visit = undefined;
  sessionStorage.removeItem(REMEMBERED_PERSON);
}

function send(prompt: HTMLInputElement): void {
  const words = prompt.value.trim();
  if (words === '') return;
  visit?.send(words);
  prompt.select();
}

function listPeople(demo: Demo): void {
  const buttons = demo.people.map((person) => {
    const initial = element('span', { class: 'avatar', 'aria-hidden': 'true' }, person.name.slice(0, 1));
    const words = element('span', { class: 'person-words' }, element('strong', {}, person.name), ' ');
    words.append(element('span', { class: 'quiet' }, person.email));
    const button = element(
      'button',
      { type: 'button', class: 'person', 'data-person': person.id },
      initial,
      words,
    );
    button.addEventListener('click', () => attempt(() => arrive(demo, person)));
    return element('li', {}, button);
  });
  panels.controls.people.replaceChildren(...buttons);
}

function listen(): void {
  const { connect, disconnect, mint, method, promptForm, prompt, replay, signOut, signOutHere } =
    panels.controls;
  connect.addEventListener('click', () => attempt(() => visit?.connect(byTicket(method) ? 'ticket' : 'jwt')));
  mint.addEventListener('click', () => attempt(() => visit?.mint()));
  disconnect.addEventListener('click', () => attempt(() => visit?.disconnect()));
  replay.addEventListener('click', () => attempt(() => visit?.replay()));
  signOut.addEventListener('click', () => attempt(leave));
  signOutHere.addEventListener('click', () => attempt(leave));
  method.addEventListener('change', () => stage.set({}));
  promptForm.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(() => send(prompt));
  });
}

async function begin(): Promise<void> {
  listen();
  const demo = await fetchDemo();
  listPeople(demo);
  const operators = element('a', { href: demo.operators }, 'operators’ page');
  byId('operators', HTMLElement).append(
    'The ',
    operators,
    ' shows the same from their side; its secret stands in the terminal.',
  );
  const remembered = demo.people.find(({ id }) => id === sessionStorage.getItem(REMEMBERED_PERSON));
  if (remembered === undefined) stage.set({});
  else await arrive(demo, remembered);
}

attempt(begin);
