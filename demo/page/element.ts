/** A row of a description list: its name, its value, and a name tests and styles can hold on to. */
export interface Fact {
  readonly name: string;
  readonly value: string | Node;
  readonly field?: string;
}

/** Makes an element with attributes and children. Text is always text: nothing here parses markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The element with this id; the page's markup is part of the program, so a missing one is a bug. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} with the id "${id}"`);
  return found;
}

/** The first descendant that matches, under the same rule as {@link byId}. */
export function within(parent: Element, selector: string): HTMLElement {
  const found = parent.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`index.html has no "${selector}" in #${parent.id}`);
  return found;
}

/** Text set as code. */
export function code(text: string): HTMLElement {
  return element('code', {}, text);
}

/** Replaces the rows of a description list. */
export function showFacts(list: Element, facts: readonly Fact[]): void {
  list.replaceChildren(...facts.flatMap(factRow));
}

/** The two elements of one row. */
export function factRow(fact: Fact): [HTMLElement, HTMLElement] {
  const value = element('dd', fact.field === undefined ? {} : { 'data-field': fact.field }, fact.value);
  return [element('dt', {}, fact.name), value];
}
