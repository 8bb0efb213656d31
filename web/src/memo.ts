// A component that is drawn again only when its props differ.

import { Component, createElement, type FunctionComponent } from "preact";

export function memo<P extends object>(
  inner: FunctionComponent<P>,
  isSame: (one: P, other: P) => boolean = areSame,
): FunctionComponent<P> {
  class Remembered extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !isSame(this.props as P, next);
    }
    override render() {
      return createElement(inner, this.props as P);
    }
  }
  return Remembered as unknown as FunctionComponent<P>;
}

function areSame(one: object, other: object): boolean {
  const before = one as Record<string, unknown>;
  const after = other as Record<string, unknown>;
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].every((name) => Object.is(before[name], after[name]));
}
