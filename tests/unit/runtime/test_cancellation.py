"""Cancel scopes: nesting, callbacks, other threads."""

from __future__ import annotations

import threading
from contextvars import copy_context

import pytest

from gpa_mlx.errors import CancelledError
from gpa_mlx.runtime.cancellation import CancelScope, cancellable, check_cancelled, current_scope, current_scopes


def test_a_scope_is_in_force_inside_its_block_only():
    scope = CancelScope()
    assert current_scope() is None
    with cancellable(scope):
        assert current_scope() is scope
        check_cancelled()
        scope.cancel()
        with pytest.raises(CancelledError):
            check_cancelled()
    check_cancelled()
    with pytest.raises(CancelledError):
        scope.check()


def test_inner_work_ends_with_the_outer_scope_and_not_the_other_way_round():
    outer, inner = CancelScope(), CancelScope()
    with cancellable(outer):
        with cancellable(inner):
            assert current_scopes() == (outer, inner)
            inner.cancel()
            with pytest.raises(CancelledError):
                check_cancelled()
        check_cancelled()
        with cancellable(CancelScope()):
            outer.cancel()
            with pytest.raises(CancelledError):
                check_cancelled()


def test_another_thread_has_no_scope_unless_it_takes_the_context_along():
    seen = []
    with cancellable(scope := CancelScope()):
        context = copy_context()
        for run in (lambda: seen.append(current_scope()), lambda: context.run(lambda: seen.append(current_scope()))):
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
    assert seen == [None, scope]


def test_callbacks_are_called_once_late_ones_at_once_and_those_taken_back_not_at_all():
    scope, calls = CancelScope(), []
    scope.on_cancel(lambda: calls.append("first"))
    take_back = scope.on_cancel(lambda: calls.append("taken back"))
    take_back()
    take_back()
    scope.on_cancel(lambda: calls.append("second"))
    scope.cancel()
    scope.cancel()
    assert calls == ["first", "second"]
    scope.on_cancel(lambda: calls.append("late"))()
    assert calls == ["first", "second", "late"]
