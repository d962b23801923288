"""The training objective: cross entropy of the target ids, in chunks, with or without activation checkpointing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpa_mlx.nn.qwen3 import Qwen3
from gpa_mlx.runtime.backend import mx, nn
from gpa_mlx.train.language_model.alignment_loss import AlignmentLoss, layer_states
from gpa_mlx.train.language_model.batches import Batch

CHUNK = 1024
"""Predictions per pass through the output head: with 180 000 ids, all logits at once would take gigabytes."""


def loss_with_alignment(model: Qwen3, batch: Batch, alignment_loss: AlignmentLoss) -> mx.array:
    """Return `summed_loss` with the auxiliary alignment loss added."""
    states = layer_states(model, batch.inputs)
    return _targets_loss(model, model.model.norm(states[-1]), batch) + alignment_loss(states, batch)


def summed_loss(model: Qwen3, batch: Batch, *, checkpointing: bool = False) -> mx.array:
    """Return the sum of the cross entropies of all targets, in nats, float32 scalar.

    Args:
        model: The decoder.
        batch: Inputs and targets.
        checkpointing: Keep only the inputs of the layers for the backward pass and compute the rest again.
    """
    return _targets_loss(model, _hidden(model, batch.inputs, checkpointing), batch)


def _targets_loss(model: Qwen3, hidden: mx.array, batch: Batch) -> mx.array:
    hidden = hidden.reshape(-1, hidden.shape[-1])[batch.positions]

    def loss_of(states: mx.array, targets: mx.array) -> mx.array:
        # A checkpointed function is differentiated with respect to all its arguments.
        return _head_loss(model, states, mx.stop_gradient(targets))

    count = hidden.shape[0]
    if count <= CHUNK:
        return loss_of(hidden, batch.targets)
    chunk_loss = _recomputed(model.output_layer, loss_of)
    total = mx.array(0.0)
    for start in range(0, count, CHUNK):
        total = total + chunk_loss(hidden[start : start + CHUNK], batch.targets[start : start + CHUNK])
    return total


def _hidden(model: Qwen3, ids: mx.array, checkpointing: bool) -> mx.array:
    if not checkpointing:
        return model.model(ids)
    x = model.model.embed_tokens(ids)
    for layer in model.model.layers:
        x = _recomputed(layer, lambda states, layer=layer: layer(states, None))(x)
    return model.model.norm(x)


def _recomputed(module: nn.Module, function: Callable[..., mx.array]) -> Callable[..., mx.array]:
    """Return `function`, which uses `module`, without anything kept between its forward and its backward pass."""
    # Gradients reach only what is an argument, so the parameters become one.
    parameters = module.trainable_parameters()

    def explicit(values: Any, *inputs: mx.array) -> mx.array:  # noqa: ANN401
        module.update(values)
        return function(*inputs)

    checkpointed = mx.checkpoint(explicit)
    return lambda *inputs: checkpointed(parameters, *inputs)


def _head_loss(model: Qwen3, hidden: mx.array, targets: mx.array) -> mx.array:
    embedding = model.model.embed_tokens
    logits = embedding.as_linear(hidden) if model.args.tie_word_embeddings else model.lm_head(hidden)
    return nn.losses.cross_entropy(logits.astype(mx.float32), targets, reduction="sum")
