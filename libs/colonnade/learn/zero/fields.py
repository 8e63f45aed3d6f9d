"""What becomes of each field of DeepSpeed's configuration.

Its document is JSON (deepspeed.ai/docs/config-json). A field is *mapped* to a field of the recipe or to an
argument of FSDP2; *kept*, where it decides how DeepSpeed does what is done here in another way and no result
depends on it; or *refused*, with what to do instead. One that is not named here is refused as unknown.
"""

from collections.abc import Mapping

KEPT: Mapping[str, str] = {
    "steps_per_print": "reports.every says how often something is told",
    "wall_clock_breakdown": "the run's log has the times",
    "dump_state": "the run's folder has recipe.json",
    "memory_breakdown": "`python -m colonnade.learn plan` estimates it",
    "zero_allow_untested_optimizer": "every optimiser here is tested sharded",
    "bf16.check_grad_overflow": "health watches every step",
    "zero_force_ds_cpu_optimizer": "an optimiser steps where its state is",
    "prescale_gradients": "gradients are added up in float32, where dividing first or last is one",
    "gradient_predivide_factor": "gradients are added up in float32, where dividing first or last is one",
    "fp32_allreduce": "gradients are always added up in float32",
    "communication_data_type": "gradients are always added up in float32",
    "disable_allgather": "FSDP2 always gathers",
    "comms_logger": "`python -m colonnade.learn plan collectives` times them",
    "flops_profiler": "operations a second are in the run's metrics",
    "tensorboard": "reports.tensorboard says it",
    "wandb": "reports.wandb says it",
    "csv_monitor": "the run's log has all figures",
    "zero_optimization.contiguous_gradients": "FSDP2 always adds up gradients in one buffer a block",
    "zero_optimization.overlap_comm": "FSDP2 always overlaps",
    "zero_optimization.reduce_scatter": "FSDP2 always does",
    "zero_optimization.use_multi_rank_bucket_allreduce": "FSDP2 reduces a block at a time",
    "zero_optimization.allgather_partitions": "FSDP2 always does",
    "zero_optimization.allgather_bucket_size": "FSDP2 gathers a block at a time",
    "zero_optimization.reduce_bucket_size": "FSDP2 reduces a block at a time",
    "zero_optimization.sub_group_size": "FSDP2 steps parameter by parameter",
    "zero_optimization.stage3_prefetch_bucket_size": "FSDP2 fetches a block ahead",
    "zero_optimization.stage3_param_persistence_threshold": "FSDP2 shards small parameters too",
    "zero_optimization.stage3_model_persistence_threshold": "FSDP2 shards small parameters too",
    "zero_optimization.stage3_max_live_parameters": "two blocks live at a time",
    "zero_optimization.stage3_max_reuse_distance": "a block is freed after its use",
    "zero_optimization.stage3_module_granularity_threshold": "FSDP2 gathers a block at a time",
    "zero_optimization.stage3_use_all_reduce_for_fetch_params": "FSDP2 always gathers",
    "zero_optimization.stage3_allgather_sequential": "FSDP2 gathers a block at a time",
    "zero_optimization.stage3_partition_stream_chunk_size": "FSDP2 shards parameter by parameter",
    "zero_optimization.stage3_gather_16bit_weights_on_model_save": "a model folder always has whole weights",
    "zero_optimization.stage3_gather_fp16_weights_on_model_save": "a model folder always has whole weights",
    "zero_optimization.load_from_fp32_weights": "checkpoints have float32 weights",
    "zero_optimization.elastic_checkpoint": "checkpoints fit any number of processes",
    "zero_optimization.pipeline_loading_checkpoint": "checkpoints are read shard by shard",
    "zero_optimization.ignore_unused_parameters": "a parameter that is not used has no gradient",
    "zero_optimization.legacy_stage1": "there is one implementation",
    "zero_optimization.grad_hooks": "FSDP2 reduces as the backward pass goes",
    "zero_optimization.round_robin_gradients": "FSDP2 reduces a block at a time",
    "zero_optimization.memory_efficient_linear": "products keep what autograd needs and no more",
    "zero_optimization.override_module_apply": "weights are drawn before they are sharded",
    "zero_optimization.log_trace_cache_warnings": "nothing is traced",
    "zero_optimization.enable_sanity_checks": "health watches every step",
    "zero_optimization.cpu_offload_use_pin_memory": "pin_memory of offload_param says it",
    "zero_optimization.offload_param.buffer_count": "there is no NVMe to buffer for",
    "zero_optimization.offload_param.buffer_size": "there is no NVMe to buffer for",
    "zero_optimization.offload_param.max_in_cpu": "there is no NVMe to buffer for",
    "zero_optimization.offload_optimizer.buffer_count": "there is no NVMe to buffer for",
    "zero_optimization.offload_optimizer.pipeline": "there is no NVMe to buffer for",
    "zero_optimization.offload_optimizer.pipeline_read": "there is no NVMe to buffer for",
    "zero_optimization.offload_optimizer.pipeline_write": "there is no NVMe to buffer for",
    "zero_optimization.offload_optimizer.fast_init": "there is no NVMe to buffer for",
    "zero_optimization.offload_optimizer.convert_grad_on_cpu": "gradients are float32 already",
    "activation_checkpointing.partition_activations": "recomputation keeps a block's input on its process",
    "activation_checkpointing.contiguous_memory_optimization": "the allocator does it",
    "activation_checkpointing.number_checkpoints": "every block is computed again",
    "activation_checkpointing.synchronize_checkpoint_boundary": "no result depends on it",
    "activation_checkpointing.profile": "the run's log has the times",
}
"""Why nothing is lost where a field is passed over."""

REFUSED: Mapping[str, str] = {
    "sparse_gradients": "gradients of embeddings are dense here; leave it out",
    "data_efficiency": "recipes have no curriculum; leave it out",
    "curriculum_learning": "recipes have no curriculum; leave it out",
    "compression_training": "compress a trained model with `python -m colonnade.learn prune`; leave it out",
    "progressive_layer_drop": "all layers learn here; leave it out",
    "sparse_attention": "attention is dense or windowed here; leave it out",
    "elasticity": "a run goes on at any number of processes without it; leave it out",
    "autotuning": "use `python -m colonnade.learn plan recipe`; leave it out",
    "aio": "it is for offloading to NVMe; offload to cpu and leave it out",
    "amp": "say bf16 or fp16 instead",
    "torch_autocast": "say bf16 or fp16 instead",
    "data_types.grad_accum_dtype": "gradients are added up in float32; leave it out",
    "zero_optimization.zenflow": "it changes when weights are updated; leave it out",
    "zero_optimization.zero_hpz_partition_size": "use parallel.replicas for copies near by; leave it out",
    "zero_optimization.zero_quantized_weights": "it rounds what is gathered; leave it out",
    "zero_optimization.zero_quantized_nontrainable_weights": "use tuning: {kind: qlora}; leave it out",
    "zero_optimization.zero_quantized_gradients": "it rounds gradients; leave it out",
    "zero_optimization.zeropp_loco_param": "it rounds gradients; leave it out",
    "zero_optimization.mics_shard_size": "use parallel.replicas with parallel.shards; leave it out",
    "zero_optimization.mics_hierarchical_params_gather": "use parallel.replicas; leave it out",
    "zero_optimization.leaf_module": "blocks are gathered whole; leave it out",
    "zero_optimization.save_muon_momentum_buffer_in_memory": "there is no NVMe; leave it out",
    "zero_optimization.offload_param.nvme_path": "offload to cpu; there is no NVMe here",
    "zero_optimization.offload_optimizer.nvme_path": "offload to cpu; there is no NVMe here",
    "zero_optimization.offload_optimizer.ratio": "all of the state is offloaded or none; leave it out",
    "zero_optimization.offload_optimizer.super_offload": "there is no such chip here; leave it out",
    "zero_optimization.offload_optimizer.cpuadam_cores_perc": "use --threads; leave it out",
    "activation_checkpointing.cpu_checkpointing": "what is kept stays on its device; leave it out",
    "fp16.fp16_master_weights_and_grads": "weights stay in float32 beside fp16 products; leave it out",
    "bf16.immediate_grad_update": "gradients are added up in float32 after the pass; leave it out",
}
"""What to do instead, where a field would change what is learnt, or ask for what is not there."""


def asks(value: object) -> bool:
    """Whether a field asks for something: it is not off, nor DeepSpeed's word or number for no such thing."""
    if value is None or isinstance(value, bool):
        return bool(value)
    return value not in (0, 1, -1, "none", "auto", "fp32", {}, [])
