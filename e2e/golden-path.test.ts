import { expect } from 'vitest';
import { FIVE_EVENTS, test, type Visitor } from './visitor.js';

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  agent_started: ['agent_name', 'task_description'],
  agent_thinking: ['reasoning'],
  tool_executing: ['tool_name', 'tool_args', 'execution_id'],
  tool_completed: ['tool_name', 'results', 'execution_time', 'success', 'execution_id'],
  agent_completed: ['status', 'final_response'],
};

async function expectFiveEvents(visitor: Visitor, prompt: string, person: string): Promise<void> {
  const run = await visitor.finishedRun(prompt);
  const events = run.locator('.event');
  expect(await events.evaluateAll((items) => items.map((item) => item.getAttribute('data-event')))).toEqual(
    FIVE_EVENTS,
  );
  for (const [index, type] of FIVE_EVENTS.entries()) {
    const event = events.nth(index);
    for (const field of FIELDS[type] ?? []) {
      expect(await event.locator(`[data-field="${field}"]`).innerText(), `${type}.${field}`).not.toBe('');
    }
    for (const field of ['timestamp', 'thread_id', 'run_id']) {
      expect(await event.locator(`[data-field="${field}"]`).innerText(), `${type}.${field}`).not.toBe('');
    }
    expect(await event.locator('[data-field="user_id"]').innerText()).toBe(person);
  }
  const executions = await run.locator('[data-field="execution_id"]').allInnerTexts();
  expect(new Set(executions).size).toBe(1);
  const ids = await run.locator('[data-field="run_id"]').allInnerTexts();
  expect(new Set(ids).size).toBe(1);
}

test('sign in, connect, ask: the five events arrive in order with their fields', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  await visitor.ask('What is a quiet street in Porto?');
  await expectFiveEvents(visitor, 'What is a quiet street in Porto?', 'ada');
  expect(await visitor.page.locator('#connection-state').innerText()).toBe('Connected by ticket');
});

test('a second prompt on the same socket is a run of its own', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.connect();
  await visitor.ask('first question');
  await visitor.ask('second question');
  await expectFiveEvents(visitor, 'first question', 'ada');
  await expectFiveEvents(visitor, 'second question', 'ada');
  expect(await visitor.runs.count()).toBe(2);
});

test('the fallback, a JWT, delivers the same five events', async ({ visitor }) => {
  await visitor.signIn('Ada Lovelace');
  await visitor.page.getByLabel('the login itself').check();
  await visitor.connect();
  expect(await visitor.page.locator('#connection-state').innerText()).toBe('Connected by JWT');
  expect(await visitor.page.locator('#ticket-state').innerText()).toBe('No ticket used');
  expect(await visitor.fact('upstream', 'x-admitone-method')).toBe('jwt');
  await visitor.ask('The same, the old way?');
  await expectFiveEvents(visitor, 'The same, the old way?', 'ada');
  expect(visitor.mints()).toEqual([]);
});

test('a reload signs the same person in again, in this tab only', async ({ newContext, visitor }) => {
  await visitor.signIn('Grace Hopper');
  await visitor.page.reload();
  await visitor.page.locator('#who-name').filter({ hasText: 'Grace Hopper' }).waitFor();
  const kept = await visitor.page.evaluate(() => [
    JSON.stringify(sessionStorage),
    JSON.stringify(localStorage),
  ]);
  expect(kept).toEqual(['{"admitone.demo.person":"grace"}', '{}']);
  const other = await (await newContext()).newPage();
  await other.goto(visitor.page.url());
  await other.getByRole('heading', { name: 'Sign in' }).waitFor();
});
