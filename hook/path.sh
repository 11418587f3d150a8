# Puts `world-model` on PATH: colcon leaves console scripts of ament packages in lib/, where only `ros2 run` looks.
_colcon_prepend_unique_value PATH "$COLCON_CURRENT_PREFIX/lib/world_model_ros"
